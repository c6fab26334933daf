import { readlinkSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { Answers, Questions } from './questions.ts';

/** The thread that asks. Nothing else happens in it: what it measures is the server, not who sends the updates. */
async function askAll({ port, token, places, perSecond }: Questions): Promise<Answers> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const headers = { authorization: `Bearer ${token}` };
  const answers: Answers = { times: [], late: [], found: 0, failed: 0 };
  const start = performance.now();
  const open: Promise<void>[] = [];
  for (const [n, { lat, lng }] of places.entries()) {
    const due = start + (n * 1_000) / perSecond;
    if (due > performance.now()) await pause(due - performance.now());
    answers.late.push(performance.now() - due);
    const asked = one(port, `/v1/drivers/nearby?lat=${lat}&lng=${lng}`, headers, agent).then(
      (drivers) => {
        answers.times.push(performance.now() - due);
        answers.found += drivers;
      },
      () => {
        answers.failed++;
      },
    );
    open.push(asked);
  }
  await Promise.all(open);
  agent.destroy();
  return answers;
}

/** Who asks has a machine of its own: here it goes first, or it would measure how long it waits for a core itself. */
function goFirst(): void {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Not root, or not Linux: how late it asks is told.
  }
}

function one(port: number, path: string, headers: Record<string, string>, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers, agent, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => {
        if (response.statusCode === 200) resolve((JSON.parse(text) as { drivers: unknown[] }).drivers.length);
        else reject(new Error(`${response.statusCode} ${text.slice(0, 300)}`));
      });
    }).once('error', reject);
  });
}

goFirst();
parentPort?.postMessage(await askAll(workerData as Questions));
