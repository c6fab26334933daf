import { once } from 'node:events';
import { getPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

const GIVE_WAY = new URL('./give-way.ts', import.meta.url).href;
/** Of /proc/PID/stat: niceness and scheduling policy, counted from behind the name in brackets. */
const [NICE, POLICY] = [16, 38];
const SCHED_IDLE = 5;

/** What the system says of a thread that called it, and of the thread that started that one. */
async function scheduled(call: 'giveWay' | 'standBack'): Promise<{ nice: number; policy: number; niceOfMain: number }> {
  const code = `const { ${call} } = await import('${GIVE_WAY}');
    const { readFileSync } = await import('node:fs');
    const { parentPort } = await import('node:worker_threads');
    ${call}();
    const of = (file) => readFileSync(file, 'utf8').split(') ')[1].split(' ');
    const own = of('/proc/thread-self/stat');
    parentPort.postMessage({ nice: Number(own[${NICE}]), policy: Number(own[${POLICY}]), niceOfMain: Number(of('/proc/self/stat')[${NICE}]) });`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const [said] = (await once(worker, 'message')) as [{ nice: number; policy: number; niceOfMain: number }];
  await worker.terminate();
  return said;
}

it('a thread of the archive gives way, one that nobody waits for wholly, and no other thread with it [I2]', async () => {
  expect(await scheduled('giveWay')).toEqual({ nice: 10, policy: 0, niceOfMain: getPriority() });
  expect(await scheduled('standBack')).toEqual({ nice: 19, policy: SCHED_IDLE, niceOfMain: getPriority() });
});
