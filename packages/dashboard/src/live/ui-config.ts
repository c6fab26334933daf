/** What the server tells its page. */
export interface UiConfig {
  basemapStyleUrl: string | null;
  serviceName: string;
  version: string;
}

const DEFAULTS: UiConfig = { basemapStyleUrl: null, serviceName: 'waycast', version: '' };

/** `GET /ui-config.json`; without an answer the page does without a basemap. */
export async function readUiConfig(): Promise<UiConfig> {
  try {
    const answer = await fetch('/ui-config.json', { signal: AbortSignal.timeout(4_000) });
    if (!answer.ok) return DEFAULTS;
    return { ...DEFAULTS, ...((await answer.json()) as Partial<UiConfig>) };
  } catch {
    return DEFAULTS;
  }
}
