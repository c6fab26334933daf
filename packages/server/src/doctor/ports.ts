import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Config } from '../config.ts';
import { whyNot } from '../http-servers.ts';
import { type Check, check, type Finding, failed, ok, refused, warning } from './check.ts';

const ANSWER_MS = 2_000;
const CHECK_MS = 4_000;
const READ_AT_MOST = 1_000_000;

/** Whether each port can be listened on, or a Waycast does so already. */
export function checkPorts({ host, ports, metricsPort }: Config): Promise<Check>[] {
  const checks = ports.map((port) => check('ports', `PORT ${port}`, CHECK_MS, () => lookAt(host, port, 'PORT', whoServes)));
  if (metricsPort !== undefined)
    checks.push(check('ports', `METRICS_PORT ${metricsPort}`, CHECK_MS, () => lookAt(host, metricsPort, 'METRICS_PORT', whoMeasures)));
  return checks;
}

type Asking = (url: string) => Promise<Finding | null>;

async function lookAt(host: string, port: number, key: string, ask: Asking): Promise<Finding> {
  if (port === 0) return ok('the system gives one that is free');
  const error = await tryListening(host, port);
  if (error === null) return ok(`free on ${host}`);
  const why = refused(whyNot(error, host, port, key));
  if (error.code !== 'EADDRINUSE') return why;
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  try {
    return (await ask(`http://${name}:${port}`)) ?? why;
  } catch (cause) {
    return failed(`${why.message} by what does not answer as Waycast does (${reasonOf(cause)})`, why.remedy ?? '');
  }
}

async function tryListening(host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  const probe = createServer();
  try {
    probe.listen({ host, port, exclusive: true });
    await once(probe, 'listening');
    probe.close();
    return null;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

async function whoServes(url: string): Promise<Finding | null> {
  const said = await read(`${url}/health`);
  if (!said.startsWith('{')) return null;
  const { status, websocket, connections } = JSON.parse(said) as Record<string, unknown>;
  if (typeof status !== 'string' || typeof websocket !== 'string' || typeof connections !== 'number') return null;
  const served = `a Waycast serves there: ${status}, ${connections} connections`;
  return status === 'ok' ? ok(served) : warning(served, `see ${url}/health and its log`);
}

async function whoMeasures(url: string): Promise<Finding | null> {
  return /^waycast_/m.test(await read(`${url}/metrics`)) ? ok('a Waycast tells its metrics there') : null;
}

async function read(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'manual' });
  let text = '';
  const decoder = new TextDecoder();
  for await (const part of response.body ?? []) {
    text += decoder.decode(part as Uint8Array, { stream: true });
    if (text.length > READ_AT_MOST) break;
  }
  return text;
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
