import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBrowser, openTab, PHONE } from './support/browser.ts';
import { startSession, tokenOf, trackingId } from './support/delivery.ts';
import { CENTRE } from './support/places.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let browser: Awaited<ReturnType<typeof openBrowser>>;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), openBrowser()]);
});

afterAll(async () => {
  await browser.close();
  await server.stop();
});

it('a page in Chromium watches as the public, sends as the rider, and reads why it is refused [Y12-Y15]', async () => {
  const { session, riderId } = await startSession(server);
  const tab = await openTab(browser, server.url, PHONE);
  await tab.page.goto(server.url);
  const heard = await tab.page.evaluate(
    async ({ base, id, unknown, token, place }) => {
      const open = (path: string) => new WebSocket(`${base}/ws/tracking/${path}`);
      const refused = new Promise<string>((resolve) => {
        open(unknown).onclose = ({ code, reason }) => resolve(`${code} ${reason}`);
      });
      const watcher = open(id);
      const types: string[] = [];
      const heardOf = (wanted: string) =>
        new Promise<void>((resolve) => {
          watcher.addEventListener('message', ({ data }) => {
            if ((JSON.parse(data as string) as { type: string }).type === wanted) resolve();
          });
        });
      watcher.addEventListener('message', ({ data }) => types.push((JSON.parse(data as string) as { type: string }).type));
      const [begun, moved] = [heardOf('initial_state'), heardOf('status_change')];
      const rider = open(`${id}?token=${token}`);
      await new Promise((resolve) => {
        rider.onopen = resolve;
      });
      await begun;
      rider.send(JSON.stringify({ type: 'location_update', location: { ...place, status: 'PICKED_UP' } }));
      await moved;
      return { types, refused: await refused };
    },
    {
      base: server.url.replace('http', 'ws'),
      id: session.tracking_id,
      unknown: trackingId(),
      token: tokenOf('rider', riderId),
      place: CENTRE,
    },
  );
  expect(heard).toEqual({
    types: ['initial_state', 'location_update', 'status_change'],
    refused: '1008 Tracking session not found',
  });
  await tab.close();
});
