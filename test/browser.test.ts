import { rmSync } from 'node:fs';
import { Publisher, RestClient, StreamClient } from '@waycast/client';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eta } from './oracle/eta.ts';
import { type Colour, countPixels, openBrowser, openTab, PHONE, type Tab, WIDE } from './support/browser.ts';
import { north, type Place, ride, unique } from './support/places.ts';
import { stablePort } from './support/port.ts';
import { type ServerOptions, startServer, type TestServer, tempDir } from './support/server.ts';
import { until } from './support/until.ts';

const SPEED = 36;
const ON_TRIP: Colour = [0x34, 0x52, 0xd9];
const LIGHT_GROUND: Colour = [0xed, 0xf0, 0xf4];
const DARK_GROUND: Colour = [0x10, 0x15, 0x1c];
/** Where a followed vehicle stands on a wide screen: in the middle of what the panel leaves free. Within its halo, wider than its track. */
const MIDDLE = { x: 825, y: 351, width: 18, height: 18 };
const EMPTY_CORNER = { x: 1040, y: 20, width: 200, height: 200 };

let options: ServerOptions;
let server: TestServer;
let browser: Browser;
let rest: RestClient;
/** The tab that the printed address was opened in; it stays signed in. */
let desk: Tab;
const tabs = new Set<Tab>();
const streams = new Set<StreamClient>();

beforeAll(async () => {
  const env = { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '1000000', DRAIN_SECONDS: '10' };
  options = { env, dataDir: tempDir(), port: await stablePort() };
  [server, browser] = await Promise.all([startServer(options), openBrowser()]);
  rest = new RestClient({ url: server.url, token: await server.token('service') });
  desk = await open(WIDE);
  await desk.page.goto(await printedAddress());
});

/** Each begins at the list, whatever the one before left open. */
beforeEach(async () => {
  const back = desk.page.getByRole('button', { name: 'All trips' });
  if (await back.isVisible()) await back.click();
});

afterEach(({ task }) => {
  if (task.result?.state === 'fail') return Promise.all([...tabs].map((tab, i) => tab.shoot(`failed-${i}`)));
  for (const tab of tabs) expect(tab.complaints).toEqual([]);
  return undefined;
});

afterAll(async () => {
  for (const stream of streams) stream.close();
  await browser?.close();
  await server?.stop();
  if (options.dataDir !== undefined) rmSync(options.dataDir, { recursive: true, force: true });
});

describe('signing in', () => {
  it('takes the address that the server prints, and keeps its code out of the address bar', async () => {
    await live(desk);
    expect(new URL(desk.page.url()).hash).toBe('');
    await expect(desk.page.title()).resolves.toBe('waycast');
  });

  it('takes it once: then it says what to do, and a token that was printed does', async () => {
    const late = await open(WIDE);
    await late.page.goto(await printedAddress());
    const screen = late.at('signin', { why: 'bad-code' });
    await screen.waitFor();
    const text = await screen.textContent();
    expect(text).toContain('This sign-in link no longer works');
    expect(text).toContain('Restart the server');
    expect(text).toContain('npm start -- token --role admin');
    expect(late.forgive(/the server responded with a status of 401/)).toBe(1);
    await late.shoot('sign-in-wide-light');

    await late.page.getByLabel('Token').fill(await server.token('passenger'));
    await late.page.getByRole('button', { name: 'Sign in' }).click();
    await until(
      () => screen.getByRole('alert').textContent(),
      (said) => said?.includes('this token says “passenger”') === true,
    );
    await late.page.getByLabel('Token').fill(await server.token('dispatcher'));
    await late.page.getByRole('button', { name: 'Sign in' }).click();
    await live(late);
    await close(late);
  });
});

describe('a ride', () => {
  it('is followed from the first fix to the arrival', async () => {
    const { trip, driver, publish } = await rideOf('Rosa');
    publish(north(-1_100));
    await desk.at('map', { vehicles: '1' }).waitFor();
    expect(await desk.at('vehicle-count').textContent()).toBe('1');
    await desk.shoot('list-wide-light');

    const row = desk.at('trip-row', { tripId: trip, status: 'PENDING' });
    expect(await row.textContent()).toContain('Rosa');
    await row.click();
    const panel = desk.at('trip-panel', { tripId: trip });
    await panel.and(desk.at('trip-panel', { status: 'PENDING' })).waitFor();
    await shows(desk, north(-1_100));
    const shown = await recordPositions(desk);

    await rest.setStatus(trip, { status: 'EN_ROUTE' });
    await panel.and(desk.at('trip-panel', { status: 'EN_ROUTE' })).waitFor();
    expect(await panel.textContent()).toContain('En route');

    const etas: number[] = [];
    const driven: Place[] = [];
    for (const metres of [-950, -800, -650, -550, -450, -300, -150]) {
      const place = publish(north(metres));
      driven.push(place);
      await shows(desk, place);
      const said = Number(await desk.at('trip-eta', { stopId: 'from' }).getAttribute('data-seconds'));
      expect(said).toBe(secondsTo('from', place));
      etas.push(said);
      expect(await desk.at('trip-event', { kind: 'approaching' }).count()).toBe(metres >= -500 ? 1 : 0);
    }
    expect(etas).toEqual([...new Set(etas)].sort((a, b) => b - a));
    expect(await stopState('from')).toBe('next');

    driven.push(publish(north(-50)));
    await desk.at('trip-event', { kind: 'arrived' }).waitFor();
    expect(await stopState('from')).toBe('arrived');
    expect(await stopState('to')).toBe('next');
    expect(await desk.at('trip-eta', { stopId: 'from' }).count()).toBe(0);
    await desk.at('trip-eta', { stopId: 'to' }).waitFor();
    await rest.setStatus(trip, { status: 'ARRIVED' });
    await panel.and(desk.at('trip-panel', { status: 'ARRIVED' })).waitFor();
    expect(await desk.at('trip-event', { kind: 'arrived' }).count()).toBe(1);
    expect(await panel.textContent()).toContain('At pickup');
    await until(
      () => desk.at('announcer').textContent(),
      (said) => said === 'At pickup',
    );
    await desk.shoot('trip-wide-light');

    // What was shown is what was published, each in its turn; none twice, none from elsewhere.
    await until(
      () => shown.length,
      (count) => count >= driven.length,
    );
    expect(shown).toEqual(driven);
    expect(await desk.at('position').getAttribute('data-lat')).toBe(String(driven.at(-1)?.lat));
    await desk.page.getByRole('button', { name: 'All trips' }).click();
    await desk.at('trip-row', { tripId: trip, status: 'ARRIVED' }).waitFor();
    expect(await rest.driver(driver)).toMatchObject({ status: 'ON_TRIP' });
  });

  it('is drawn: a followed vehicle stands in the middle of the map in its colour, in the light and in the dark', async () => {
    const { trip, publish } = await rideOf('Car 3');
    await rest.setStatus(trip, { status: 'EN_ROUTE' });
    publish(north(-2_000));
    await desk.at('trip-row', { tripId: trip }).click();
    await shows(desk, north(-2_000));
    await desk.page.getByRole('button', { name: 'Follow' }).click();
    publish(north(-1_900));

    const vehicle = await until(
      () => countPixels(desk.page, MIDDLE, ON_TRIP),
      ({ found, of }) => found > of / 3,
    );
    expect(vehicle.found).toBeLessThan(vehicle.of);
    const ground = await countPixels(desk.page, EMPTY_CORNER, LIGHT_GROUND);
    expect(ground.found).toBeGreaterThan(ground.of / 2);

    await desk.page.emulateMedia({ colorScheme: 'dark' });
    await until(
      () => countPixels(desk.page, EMPTY_CORNER, DARK_GROUND),
      ({ found, of }) => found > of / 2,
    );
    await desk.shoot('follow-wide-dark');
    await desk.page.emulateMedia({ colorScheme: 'light' });
    await until(
      () => countPixels(desk.page, EMPTY_CORNER, LIGHT_GROUND),
      ({ found, of }) => found > of / 2,
    );
  });

  it('stays open over a reload, which asks for no new sign-in', async () => {
    const { trip, publish } = await rideOf('Nils');
    const place = publish(north(-700));
    await desk.at('trip-row', { tripId: trip }).click();
    await shows(desk, place);

    await desk.page.reload();

    await live(desk);
    await desk.at('trip-panel', { tripId: trip }).waitFor();
    await shows(desk, place);
    await shows(desk, publish(north(-600)));
    await desk.page.goBack();
    await desk.at('trip-row', { tripId: trip }).waitFor();
  });

  it('opens and closes by keyboard alone', async () => {
    const { trip } = await rideOf('Kim');
    await desk.page.reload();
    await desk.at('trip-row', { tripId: trip }).waitFor();
    const first = await desk.at('trip-row').first().getAttribute('data-trip-id');
    let presses = 0;
    while ((await desk.page.locator('[data-testid="trip-row"]:focus').count()) === 0) {
      expect(++presses, 'Tab leads to the list').toBeLessThan(20);
      await desk.page.keyboard.press('Tab');
    }
    await desk.page.keyboard.press('Enter');
    await desk.at('trip-panel', { tripId: first ?? '' }).waitFor();
    await desk.page.locator('button:focus', { hasText: 'All trips' }).waitFor();
    await desk.page.keyboard.press('Enter');
    await desk.page.locator(`[data-trip-id="${first}"]:focus`).waitFor();
  });
});

describe('a server that restarts', () => {
  it('is waited for: the page says so, comes back by itself, and the vehicle moves on', async () => {
    const { trip, publish } = await rideOf('Car 7');
    await rest.setStatus(trip, { status: 'EN_ROUTE' });
    const before = publish(north(-900));
    await desk.at('trip-row', { tripId: trip }).click();
    await shows(desk, before);

    expect(await server.stop()).toEqual({ code: 0 });
    await desk.at('connection-state', { state: 'reconnecting' }).waitFor();
    await shows(desk, before);
    await desk.shoot('reconnecting-wide-light');
    const meanwhile = publish(north(-800));

    server = await startServer(options);
    await live(desk);
    await shows(desk, meanwhile);
    await shows(desk, publish(north(-700)));
    await shows(desk, publish(north(-450)));
    await desk.at('trip-event', { kind: 'approaching' }).waitFor();
    expect(await desk.at('trip-event', { kind: 'status' }).count()).toBe(2);
    // The browser itself writes down each attempt that found nobody, be it the socket's or a question that was just being asked.
    desk.forgive(/WebSocket connection to .* failed: .*ERR_CONNECTION_REFUSED/);
    desk.forgive(/Failed to load resource: net::ERR_CONNECTION_REFUSED/);
  });
});

describe('on a phone, in the dark', () => {
  it('shows the list and a trip that a thumb can use, and nothing hangs over the side', async () => {
    const { trip, publish } = await rideOf('Car of the very long name that does not end where a screen does');
    await rest.setStatus(trip, { status: 'EN_ROUTE' });
    const place = publish(north(-900));
    const storageState = await desk.page.context().storageState();
    // Two maps drawn without a graphics card keep each other waiting.
    await desk.page.goto('about:blank');
    const phone = await open({ ...PHONE, storageState });
    await phone.page.goto(server.url);
    await live(phone);
    const row = phone.at('trip-row', { tripId: trip });
    await row.waitFor();
    await until(
      () => phone.at('map').getAttribute('data-vehicles'),
      (drawn) => Number(drawn) > 0,
    );
    await fits(phone);
    await phone.shoot('list-phone-dark');

    await row.tap();
    await shows(phone, place);
    await fits(phone);
    // The next stop's time is what people look for: it has to be there without scrolling.
    expect(await isOnScreen(phone, '[data-testid="next-stop"]')).toBe(true);
    await shows(phone, publish(north(-600)));
    await phone.shoot('trip-phone-dark');

    await phone.page.getByRole('button', { name: 'Lift the panel' }).tap();
    await phone.page.locator('.sheet[data-height="full"]').waitFor();
    publish(north(-400));
    await phone.at('trip-event', { kind: 'approaching' }).scrollIntoViewIfNeeded();
    await fits(phone);
    await phone.shoot('trip-full-phone-dark');
    await phone.page.emulateMedia({ colorScheme: 'light' });
    await phone.shoot('trip-full-phone-light');
    await phone.page.getByRole('button', { name: 'All trips' }).tap();
    await row.waitFor();
    await close(phone);
  });
});

async function open(how: Parameters<typeof openTab>[2]): Promise<Tab> {
  const tab = await openTab(browser, server.url, how);
  tabs.add(tab);
  return tab;
}

async function close(tab: Tab): Promise<void> {
  expect(tab.complaints).toEqual([]);
  tabs.delete(tab);
  await tab.close();
}

async function printedAddress(): Promise<string> {
  const address = await until(
    () => /http:\/\/\S+#signin=\S+/.exec(server.output())?.[0],
    (found) => found !== undefined,
  );
  return address ?? '';
}

async function live(tab: Tab): Promise<void> {
  await tab.at('connection-state', { state: 'live' }).waitFor();
}

/** A ride of a driver of its own, and what the driver's phone does: publish where it is. */
async function rideOf(driverName: string) {
  const [trip, driver] = [unique('ride'), unique('driver')];
  await rest.createTrip(ride({ id: trip, driverId: driver, driverName }));
  const stream = new StreamClient({ url: server.url, token: await server.token('driver', driver) });
  streams.add(stream);
  const publisher = new Publisher(stream, { live: { interval: 0 } });
  const publish = (place: Place): Place => {
    publisher.publish({ ...rounded(place), speed: SPEED, bearing: 0, accuracy: 5 });
    return rounded(place);
  };
  return { trip, driver, publish };
}

/** As the server keeps it [F1]. */
function rounded({ lat, lng }: Place): Place {
  return { lat: Math.round(lat * 1e7) / 1e7, lng: Math.round(lng * 1e7) / 1e7 };
}

function secondsTo(stopId: string, from: Place): number | undefined {
  const fix = { ...from, at: 0, receivedAt: 0, speed: SPEED };
  return eta('ride', fix, ride({}).stops).find((stop) => stop.stopId === stopId)?.seconds;
}

async function shows(tab: Tab, place: Place): Promise<void> {
  const { lat, lng } = rounded(place);
  await tab.at('trip-panel').locator(`[data-testid="position"][data-lat="${lat}"][data-lng="${lng}"]`).waitFor();
}

/** Every position the open trip shows from now on, in its turn. */
async function recordPositions(tab: Tab): Promise<Place[]> {
  const shown: Place[] = [];
  await tab.page.exposeFunction('showed', (place: Place) => shown.push(place));
  await tab.page.evaluate(`{
    const line = document.querySelector('[data-testid="position"]');
    new MutationObserver(() => showed({ lat: Number(line.dataset.lat), lng: Number(line.dataset.lng) }))
      .observe(line, { attributeFilter: ['data-timestamp'] });
  }`);
  return shown;
}

async function stopState(id: string): Promise<string | null> {
  return desk.page.locator(`[data-stop-id="${id}"][data-state]`).getAttribute('data-state');
}

/** Nothing can be scrolled sideways, and nothing stands out of the screen but the map's own canvas. */
async function fits(tab: Tab): Promise<void> {
  const wide = await tab.page.evaluate<string[]>(`[...document.querySelectorAll('body, body *')]
    .filter((element) => !element.closest('.map, .visually-hidden'))
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5 || element.getBoundingClientRect().left < -0.5
      || (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX !== 'hidden' && element.clientWidth > 0))
    .map((element) => element.className || element.tagName)`);
  expect(wide).toEqual([]);
}

function isOnScreen(tab: Tab, selector: string): Promise<boolean> {
  return tab.page.evaluate<boolean>(`(() => {
    const box = document.querySelector(${JSON.stringify(selector)})?.getBoundingClientRect();
    return box !== undefined && box.top > 0 && box.bottom < innerHeight;
  })()`);
}
