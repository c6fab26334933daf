import type { Consumer, OutgoingMessage, Sender, SendResult } from '../../hub/outbox/ports.ts';
import type { TellSpan } from '../../trace/span.ts';
import { type Trace, traceHeaders, traceNamed } from '../../trace/trace.ts';
import { PUBLIC_ONLY } from './connect.ts';
import { post } from './post.ts';
import { isPublicAddress, literalAddress } from './public-address.ts';
import { signatureHeaders } from './signature.ts';

const TIMEOUT_MS = 15_000;

export interface HttpSenderOptions {
  /** Webhooks may go to http and to private addresses. */
  readonly allowPrivate: boolean;
  readonly userAgent: string;
  readonly timeoutMs?: number;
  /** Who hears of every try; absent: nobody. */
  readonly tellSpan?: TellSpan | undefined;
}

/**
 * Sends messages by HTTP: webhooks signed, and only where anybody may; notifications and order statuses to the services
 * that the operator named.
 */
export class HttpSender implements Sender {
  readonly #options: HttpSenderOptions;

  constructor(options: HttpSenderOptions) {
    this.#options = options;
  }

  async send(consumer: Consumer, message: OutgoingMessage, at: number, signal: AbortSignal): Promise<SendResult> {
    const { allowPrivate, userAgent, timeoutMs = TIMEOUT_MS } = this.#options;
    const refusal = consumer.kind === 'webhook' ? this.whyNot(consumer.url ?? '') : null;
    const request = refusal === null ? requestOf(consumer, message) : null;
    if (request === null)
      return { status: null, error: refusal ?? 'no address can be made of this', answer: null, retryAfter: null, duration: 0 };
    const { url, body } = request;
    const signed =
      consumer.kind === 'webhook' ? signatureHeaders(message.id, at, body, consumer.secrets) : { 'idempotency-key': message.id };
    const gate = consumer.kind === 'webhook' && !allowPrivate ? PUBLIC_ONLY : null;
    // Whoever caused the event is long answered, and a replay has no cause: a message is a trace by itself.
    const trace = traceNamed(message.id);
    const headers = { 'user-agent': userAgent, ...traceHeaders(trace), ...signed };
    const result = await post({ url, headers, body, gate, timeoutMs, signal });
    this.#tell(trace, consumer, message, result);
    return result;
  }

  /** Without its address, which may be a secret. */
  #tell(trace: Trace, consumer: Consumer, { id, type }: OutgoingMessage, { status, error, duration }: SendResult): void {
    const answered = status === null ? {} : { 'http.response.status_code': status };
    const isTaken = status !== null && status >= 200 && status < 300;
    this.#options.tellSpan?.({
      name: `deliver ${type}`,
      kind: 'client',
      trace,
      took: duration,
      attributes: { 'http.request.method': 'POST', 'waycast.message': id, 'waycast.consumer': consumer.id, ...answered },
      error: isTaken ? null : (error ?? `it answered ${status}`),
    });
  }

  whyNot(text: string): string | null {
    if (!URL.canParse(text)) return 'it is no address';
    const { protocol, username, password, hostname } = new URL(text);
    const { allowPrivate } = this.#options;
    if (protocol !== 'https:' && !(protocol === 'http:' && allowPrivate)) return 'it must begin with https://';
    if (username !== '' || password !== '') return 'it must carry no user or password';
    if (allowPrivate) return null;
    const literal = literalAddress(hostname);
    const isLocal = literal === null ? /(^|\.)localhost\.?$/i.test(hostname) : !isPublicAddress(literal);
    return isLocal ? `${hostname} is not public` : null;
  }
}

function requestOf({ kind, url }: Consumer, { body }: OutgoingMessage): { url: URL; body: string } | null {
  const base = (url ?? '').replace(/\/+$/, '');
  switch (kind) {
    case 'webhook':
      return { url: new URL(url ?? ''), body };
    case 'notifications':
      return { url: new URL(`${base}/api/v1/notifications`), body };
    case 'orders': {
      // The order is named by the path.
      const { order_id: order, ...rest } = JSON.parse(body) as { order_id: string };
      // A URL takes these for a way up, however they are written.
      if (order === '.' || order === '..') return null;
      return { url: new URL(`${base}/orders/${encodeURIComponent(order)}/status`), body: JSON.stringify(rest) };
    }
  }
}
