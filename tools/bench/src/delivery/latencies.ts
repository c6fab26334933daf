import { quantile } from '../nearby/quantile.ts';
import { sign } from '../peers/waycast-peer.ts';
import { type Calls, connect, some } from './clients.ts';

/** ms */
export interface Latency {
  p50: number;
  p99: number;
  max: number;
}

interface Tracked {
  id: string;
  token: string;
}

export function latencyOf(times: readonly number[]): Latency {
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: quantile(times, 1) };
}

/** One call after the other, each at a session of its own. */
export async function latencies(
  calls: Calls,
  port: number,
  all: readonly Tracked[],
  rounds: number,
): Promise<Record<'start' | 'update' | 'read' | 'message', Latency>> {
  const [start, update, read, message]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let i = 0; i < rounds; i++) {
    const { id, token } = all[i % all.length] as Tracked;
    const rider = `late-${i}`;
    const body = { order_id: `order-${rider}`, rider_id: rider, dropoff_lat: 52.5, dropoff_lng: 13.4 };
    start.push((await calls.call('POST', '/tracking/start', await sign(rider, 'rider'), body)).ms);
    update.push((await calls.call('POST', `/tracking/update/${id}`, token, nearby(i))).ms);
    read.push((await calls.call('GET', `/tracking/${id}`, null)).ms);
    message.push(...(await echoes(port, { id, token }, i)));
  }
  return { start: latencyOf(start), update: latencyOf(update), read: latencyOf(read), message: latencyOf(message) };
}

/** A position over a socket until it comes back over the same. */
async function echoes(port: number, { id, token }: Tracked, seed: number): Promise<number[]> {
  const rider = await connect(port, `/ws/tracking/${id}?token=${token}`);
  const times: number[] = [];
  for (let i = 0; i < 3; i++) times.push(await until(rider, () => rider.socket.send(moved(seed + i))));
  rider.socket.close();
  return times;
}

/** One update until the last of many sockets at its session has it. */
export async function fanOut(port: number, { id, token }: Tracked, crowd: number, updates: number): Promise<Latency> {
  const watchers = await some(Array.from({ length: crowd }), () => connect(port, `/ws/tracking/${id}`));
  const rider = await connect(port, `/ws/tracking/${id}?token=${token}`);
  const times: number[] = [];
  for (let i = 0; i < updates; i++) {
    const since = performance.now();
    const all = watchers.map((watcher) => until(watcher, () => undefined));
    rider.socket.send(moved(i));
    await Promise.all(all);
    times.push(performance.now() - since);
  }
  for (const { socket } of [rider, ...watchers]) socket.close();
  return latencyOf(times);
}

function until(watcher: { heard: (text: string, at: number) => void }, act: () => void): Promise<number> {
  const since = performance.now();
  return new Promise((resolve) => {
    watcher.heard = (text, at) => {
      if (text.startsWith('{"type":"location_update"')) resolve(at - since);
    };
    act();
  });
}

/** Metres from where the first update was: no session jumps. */
function nearby(i: number): { lat: number; lng: number } {
  return { lat: 52 + (i % 1000) / 1000 + 0.000_01, lng: 13.4 };
}

function moved(i: number): string {
  return JSON.stringify({ type: 'location_update', location: nearby(i) });
}
