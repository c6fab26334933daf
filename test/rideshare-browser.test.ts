import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBrowser } from './support/browser.ts';
import { stablePort } from './support/port.ts';
import { createRide, dialRide, fixAt, oldToken, ridePath } from './support/rideshare.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

/** What a page saw of its socket. */
interface Seen {
  readonly messages: { readonly type: string }[];
  readonly closed: number | null;
}

let browser: Browser;
let server: TestServer;
let foreign: TestServer;
let friend: TestServer;

beforeAll(async () => {
  // Other servers stand for other sites: their pages have origins of their own.
  const port = await stablePort();
  [browser, foreign, friend] = await Promise.all([openBrowser(), startServer(), startServer({ port })]);
  server = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0', CORS_ORIGINS: friend.url } });
  await createRide(server, 'ride', 'dan', [{ id: 'b', passenger: 'pia' }]);
});

afterAll(() => Promise.all([browser.close(), server.stop(), foreign.stop(), friend.stop()]));

/** A page of a site that opens the browser's own WebSocket to the ride. */
async function pageOf(site: TestServer, path: string): Promise<{ seen: () => Promise<Seen>; end: () => Promise<void> }> {
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  await page.goto(`${site.url}/ui-config.json`);
  const address = server.url.replace('http', 'ws') + path;
  await page.evaluate(`
    window.seen = { messages: [], closed: null };
    window.socket = new WebSocket(${JSON.stringify(address)});
    window.socket.onmessage = ({ data }) => window.seen.messages.push(JSON.parse(data));
    window.socket.onclose = ({ code }) => { window.seen.closed = code; };
  `);
  return { seen: () => page.evaluate('window.seen'), end: () => context.close() };
}

it("a browser's own WebSocket is a passenger, on a page of this server and of a listed origin [R3 R4 R8]", async () => {
  for (const site of [server, friend]) {
    const page = await pageOf(site, ridePath('ride', 'passenger', oldToken('pia')));
    const connected = await until(page.seen, ({ messages, closed }) => messages.length > 0 || closed !== null);
    expect(connected.messages[0]).toMatchObject({ type: 'connected', message: 'Tracking connected', ride_id: 'ride' });
    const driver = await dialRide(server, 'ride', 'driver', 'dan');
    driver.send(fixAt(900));
    const told = await until(page.seen, ({ messages }) => messages.some(({ type }) => type === 'location_update'));
    expect(told.messages.map(({ type }) => type)).toEqual(['connected', 'driver_status', 'location_update']);
    await driver.close();
    await until(page.seen, ({ messages }) => messages.at(-1)?.type === 'driver_status');
    await page.end();
  }
});

it('on a page of a foreign origin it is refused, and so is one without a token anywhere [R3 S9]', async () => {
  const pages = [
    await pageOf(foreign, ridePath('ride', 'passenger', oldToken('pia'))),
    await pageOf(server, ridePath('ride', 'passenger')),
  ];
  for (const page of pages) {
    expect(await until(page.seen, ({ closed }) => closed !== null)).toEqual({ messages: [], closed: 1006 });
    await page.end();
  }
});
