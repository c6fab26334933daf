import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AsyncApi } from '../packages/server/src/surfaces/rest/reference/async-api.ts';
import type { OpenApi } from '../packages/server/src/surfaces/rest/reference/open-api.ts';
import { openBrowser, openTab, PHONE, type Tab, WIDE } from './support/browser.ts';
import { ride } from './support/places.ts';
import { caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;
let browser: Browser;
let api: OpenApi;
let sockets: AsyncApi;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), openBrowser()]);
  const nobody = caller(server);
  api = (await nobody.get('/openapi.json')).json() as OpenApi;
  sockets = (await nobody.get('/asyncapi.json')).json() as AsyncApi;
  await caller(server, await server.token('service')).post('/v1/trips', ride({ id: 'shown-in-docs' }));
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

describe('/docs [B3]', () => {
  it('shows every operation and tries one out with a pasted token, asking nobody else', async () => {
    const tab = await openTab(browser, server.url, WIDE);
    const { page } = tab;
    await page.goto(`${server.url}/docs`);
    const count = Object.values(api.paths).flatMap((operations) => Object.keys(operations)).length;
    await until(
      () => page.locator('.opblock').count(),
      (shown) => shown === count,
    );
    await tab.shoot('docs-wide-light');

    await page.locator('#operations-Trips-listTrips .opblock-summary-control').click();
    const call = page.locator('#operations-Trips-listTrips');
    await call.getByRole('button', { name: 'Try it out' }).click();
    await call.getByRole('button', { name: 'Execute' }).click();
    await call.locator('.live-responses-table .response-col_status', { hasText: '401' }).waitFor();
    expect(tab.forgive(/the server responded with a status of 401/)).toBe(1);

    await page.locator('.auth-wrapper .authorize').first().click();
    await page.locator('.auth-container input').fill(await server.token('dispatcher'));
    await page.locator('.auth-container button[type=submit]').click();
    await page.locator('.modal-ux .close-modal').click();
    await call.getByRole('button', { name: 'Execute' }).click();
    const answer = call.locator('.live-responses-table .response', { hasText: '200' });
    await answer.waitFor();
    expect(await answer.textContent()).toContain('shown-in-docs');
    await tab.shoot('docs-tried-wide-light');
    expect(tab.complaints).toEqual([]);
    await tab.close();
  });
});

describe('/redoc [B3]', () => {
  it('is readable without any script: every call and every message stands there, and the contents lead to them', async () => {
    const tab = await openTab(browser, server.url, { ...WIDE, javaScriptEnabled: false });
    const { page } = tab;
    await page.goto(`${server.url}/redoc`);
    for (const [path, operations] of Object.entries(api.paths))
      for (const [method, { operationId, summary = '' }] of Object.entries(operations)) {
        const call = page.locator(`#call-${operationId}`);
        expect(await call.locator('h3').innerText()).toBe(`${method.toUpperCase()} ${path}`);
        expect(await call.innerText()).toContain(summary.replaceAll('`', ''));
        expect(await call.locator('.answers').isVisible()).toBe(true);
      }
    for (const [name, { summary = '' }] of Object.entries(sockets.components.messages)) {
      const message = page.locator(`[id="message-${name.replaceAll(/[.:]/g, '-')}"]`);
      expect(await message.innerText()).toContain(summary.replaceAll('`', ''));
    }
    const link = page.getByRole('navigation').getByRole('link', { name: 'Create a trip' });
    await link.click();
    expect(new URL(page.url()).hash).toBe('#call-createTrip');
    await page.locator('#call-createTrip:target').waitFor();
    const example = page.locator('#call-createTrip details').first();
    await example.locator('summary').click();
    expect(await example.locator('pre').innerText()).toContain('"kind": "ride"');
    await tab.shoot('redoc-wide-light');
    expect(tab.complaints).toEqual([]);
    await tab.close();
  });

  it.each([
    ['a phone', PHONE.viewport],
    ['a wide screen', WIDE.viewport],
  ])('fits %s in the light and in the dark, with every example open', async (name, viewport) => {
    const tab = await openTab(browser, server.url, { viewport, colorScheme: 'light' });
    await tab.page.goto(`${server.url}/redoc`);
    await tab.page.evaluate(`for (const one of document.querySelectorAll('details')) one.open = true`);
    expect(await tooWide(tab)).toEqual([]);
    const light = await contrast(tab);
    expect(light.ground).toBeGreaterThan(0.9);
    await tab.shoot(`redoc-${name.replaceAll(/[.:]/g, '-')}-light`);
    await tab.page.emulateMedia({ colorScheme: 'dark' });
    expect(await tooWide(tab)).toEqual([]);
    const dark = await contrast(tab);
    expect(dark.ground).toBeLessThan(0.05);
    // WCAG AA for text, whatever it stands on.
    expect(Math.min(light.least, dark.least)).toBeGreaterThanOrEqual(4.5);
    await tab.shoot(`redoc-${name.replaceAll(/[.:]/g, '-')}-dark`);
    expect(tab.complaints).toEqual([]);
    await tab.close();
  });
});

/** What stands out of the screen, or can be scrolled sideways. */
function tooWide(tab: Tab): Promise<string[]> {
  return tab.page.evaluate<string[]>(`[...document.querySelectorAll('html, body, body *')]
    .filter((element) => !element.closest('thead, .skip'))
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5 || element.getBoundingClientRect().left < -0.5
      || (getComputedStyle(element).display !== 'inline' && element.scrollWidth > element.clientWidth + 1))
    .map((element) => element.tagName + ' ' + element.textContent.slice(0, 60))`);
}

/** How light the ground is (0 to 1), and the least contrast of any text with what it stands on. */
function contrast(tab: Tab): Promise<{ ground: number; least: number }> {
  return tab.page.evaluate<{ ground: number; least: number }>(`(() => {
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const luminance = (colour) => {
      const [r, g, b] = channels(colour).map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const groundOf = (element) => {
      const { backgroundColor } = getComputedStyle(element);
      return channels(backgroundColor)[3] === 0 ? groundOf(element.parentElement) : backgroundColor;
    };
    const texts = [...document.querySelectorAll('body *')].filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''));
    const ratios = texts.map((element) => {
      const [one, other] = [luminance(getComputedStyle(element).color), luminance(groundOf(element))];
      return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    });
    return { ground: luminance(groundOf(document.querySelector('main'))), least: Math.min(...ratios) };
  })()`);
}
