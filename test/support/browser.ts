import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';

const SHOTS = fileURLToPath(new URL('../../test-results/', import.meta.url));
const STEP_WITHIN_MS = 20_000;
const ARGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-swiftshader',
  '--use-gl=angle',
  '--use-angle=swiftshader',
];

/** As wide as a dispatcher's screen, or a phone held upright. */
export const WIDE = { viewport: { width: 1280, height: 720 }, colorScheme: 'light' } as const;
export const PHONE = {
  viewport: { width: 390, height: 844 },
  colorScheme: 'dark',
  isMobile: true,
  hasTouch: true,
  reducedMotion: 'reduce',
} as const;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium', args: ARGS });
}

/** A tab of a browser of its own: nothing is remembered from another one. */
export interface Tab {
  readonly page: Page;
  /** Everything the browser or the page complained of: errors and warnings on the console, refusals of the content security policy, addresses elsewhere. */
  readonly complaints: readonly string[];
  /** An element by its `data-testid`, with the attributes given: `{tripId: 'x'}` is `data-trip-id="x"`. */
  at(testId: string, data?: Readonly<Record<string, string>>): Locator;
  /** Lets go of the complaints that fit; answers how many. */
  forgive(expected: RegExp): number;
  /** A picture for people, in test-results/. */
  shoot(name: string): Promise<void>;
  close(): Promise<void>;
}

export async function openTab(browser: Browser, home: string, options: BrowserContextOptions): Promise<Tab> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(STEP_WITHIN_MS);
  const page = await context.newPage();
  let complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`thrown: ${error.stack ?? error.message}`));
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol.startsWith('http') && host !== new URL(home).host) complaints.push(`asked elsewhere: ${request.url()}`);
  });
  return {
    page,
    get complaints() {
      return complaints;
    },
    at: (testId, data = {}) => page.locator(selectorOf(testId, data)),
    forgive: (expected) => {
      const before = complaints.length;
      complaints = complaints.filter((complaint) => !expected.test(complaint));
      return before - complaints.length;
    },
    shoot: async (name) => {
      mkdirSync(SHOTS, { recursive: true });
      await page.screenshot({ path: `${SHOTS}${name}.png`, animations: 'disabled' });
    },
    close: () => context.close(),
  };
}

function selectorOf(testId: string, data: Readonly<Record<string, string>>): string {
  const attributes = Object.entries(data).map(([name, value]) => {
    const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return `[data-${kebab}="${value}"]`;
  });
  return `[data-testid="${testId}"]${attributes.join('')}`;
}

export type Colour = readonly [red: number, green: number, blue: number];

/** How many pixels of a part of the screen are (nearly) of a colour, and how many there are. */
export async function countPixels(page: Page, clip: { x: number; y: number; width: number; height: number }, colour: Colour) {
  const { pixels, channels } = decodePng(await page.screenshot({ clip }));
  let found = 0;
  for (let i = 0; i < pixels.length; i += channels) {
    if (colour.every((value, channel) => Math.abs(value - (pixels[i + channel] ?? 0)) <= 3)) found += 1;
  }
  return { found, of: pixels.length / channels };
}

/** The pixels of a PNG as Chromium writes it: 8 bits a channel, not interlaced. */
function decodePng(png: Buffer): { pixels: Buffer; channels: number } {
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const [width, height, channels] = [png.readUInt32BE(16), png.readUInt32BE(20), png[25] === 6 ? 4 : 3];
  const raw = inflateSync(Buffer.concat(data));
  const line = width * channels;
  const pixels = Buffer.alloc(line * height);
  for (let i = 0; i < pixels.length; i++) {
    const [row, column] = [Math.floor(i / line), i % line];
    const left = column < channels ? 0 : (pixels[i - channels] ?? 0);
    const up = row === 0 ? 0 : (pixels[i - line] ?? 0);
    const corner = column < channels || row === 0 ? 0 : (pixels[i - line - channels] ?? 0);
    const predicted = predict(raw[row * (line + 1)] ?? 0, left, up, corner);
    pixels[i] = ((raw[row * (line + 1) + 1 + column] ?? 0) + predicted) & 255;
  }
  return { pixels, channels };
}

/** What the filter of a PNG line expects, from the pixels left, above, and above to the left. */
function predict(filter: number, left: number, up: number, corner: number): number {
  if (filter < 3) return [0, left, up][filter] ?? 0;
  if (filter === 3) return (left + up) >> 1;
  const [toLeft, toUp, toCorner] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
