import type { Context, SpanContext } from '@opentelemetry/api';
import type { EndedSpan, TellSpan } from '../trace/span.ts';

/** Nobody waits longer than this for spans that nobody takes, ms. */
const LAST_WORDS_MS = 2_000;
/** As package.json has them: parts of one release only fit each other. */
const PACKAGES = ['api@1.10', 'sdk-trace@3.1.0', 'resources@3.1.0', 'exporter-trace-otlp-http@0.301'].map(
  (name) => `@opentelemetry/${name}`,
);

export interface Telemetry {
  readonly tell: TellSpan;
  /** Sends what is left, as far as it is taken. */
  close(): Promise<void>;
}

export interface TelemetryOptions {
  /** Where OTLP over HTTP is taken; `/v1/traces` is put after it. */
  readonly endpoint: string;
  readonly serviceName: string;
  readonly version: string;
}

/**
 * Spans by OpenTelemetry, whose packages are loaded only here: they are no part of an installation.
 * @throws Error naming what to install
 */
export async function openTelemetry({ endpoint, serviceName, version }: TelemetryOptions): Promise<Telemetry> {
  const { api, sdk, resources, otlp } = await packages();
  // Spans are told when they are over, under ids that were given out before: the next one made has these.
  let next = { traceId: '', spanId: '' };
  const provider = new sdk.TracerProvider({
    resource: resources.resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    idGenerator: { generateTraceId: () => next.traceId, generateSpanId: () => next.spanId },
    spanProcessors: [
      new sdk.BatchSpanProcessor({ exporter: new otlp.OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` }) }),
    ],
  });
  const tracer = provider.getTracer('waycast', version);
  const kinds = { server: api.SpanKind.SERVER, client: api.SpanKind.CLIENT, internal: api.SpanKind.INTERNAL };
  const callerOf = ({ trace }: EndedSpan): Context => {
    if (trace.parentId === null) return api.ROOT_CONTEXT;
    const caller: SpanContext = { traceId: trace.traceId, spanId: trace.parentId, traceFlags: trace.flags, isRemote: true };
    return api.trace.setSpanContext(api.ROOT_CONTEXT, caller);
  };
  return {
    tell: (ended) => {
      const endTime = performance.timeOrigin + performance.now();
      next = ended.trace;
      const { name, kind, attributes, took, error } = ended;
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes, startTime: endTime - took }, callerOf(ended));
      if (error !== null) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
      span.end(endTime);
    },
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const enough = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LAST_WORDS_MS);
      });
      await Promise.race([provider.shutdown().catch(() => undefined), enough]);
      clearTimeout(timer);
    },
  };
}

async function packages() {
  try {
    const [api, sdk, resources, otlp] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/exporter-trace-otlp-http'),
    ]);
    return { api, sdk, resources, otlp };
  } catch (cause) {
    throw new Error(`its packages are not installed: npm install --no-save ${PACKAGES.join(' ')}`, { cause });
  }
}
