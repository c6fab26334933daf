import { describe, expect, it } from 'vitest';
import { consumerOf, messageOf } from '../../hub/contracts/outbox-samples.ts';
import { HttpSender } from './http-sender.ts';

const strict = new HttpSender({ allowPrivate: false, userAgent: 'test' });
const open = new HttpSender({ allowPrivate: true, userAgent: 'test' });

describe('an address for a webhook [W13]', () => {
  it.each(['https://example.com/hook?x=1', 'https://93.184.216.34/', 'https://[2606:4700::1]:8443/', 'https://sub.localhost.example/'])(
    '%s will do',
    (url) => {
      expect(strict.whyNot(url)).toBeNull();
    },
  );

  it.each([
    ['', 'no address'],
    ['example.com', 'no address'],
    ['http://example.com/', 'https'],
    ['ftp://example.com/', 'https'],
    ['file:///etc/passwd', 'https'],
    ['javascript:alert(1)', 'https'],
    ['https://user@example.com/', 'no user'],
    ['https://:secret@example.com/', 'no user'],
    ['https://localhost/', 'not public'],
    ['https://LOCALHOST./', 'not public'],
    ['https://a.localhost/', 'not public'],
    ['https://127.1/', 'not public'],
    ['https://0x7f000001/', 'not public'],
    ['https://017700000001/', 'not public'],
    ['https://１２７.0.0.1/', 'not public'],
    ['https://169.254.169.254/latest/meta-data', 'not public'],
    ['https://[::1]/', 'not public'],
    ['https://[fd00:ec2::254]/', 'not public'],
    ['https://[::ffff:10.0.0.1]/', 'not public'],
    ['https://[64:ff9b::7f00:1]/', 'not public'],
    ['https://0/', 'not public'],
  ])('%s will not: %s', (url, why) => {
    expect(strict.whyNot(url)).toContain(why);
  });

  it('may be private, and http, where that is allowed; a user never', () => {
    expect(open.whyNot('http://127.0.0.1:8080/')).toBeNull();
    expect(open.whyNot('https://localhost/')).toBeNull();
    expect(open.whyNot('http://user@localhost/')).toContain('no user');
    expect(open.whyNot('ftp://localhost/')).toContain('https');
  });
});

describe('what cannot be sent', () => {
  const signal = new AbortController().signal;

  it('is an order whose name would lead elsewhere [W4]', async () => {
    const orders = consumerOf('orders', { kind: 'orders', topic: 'order', url: 'http://127.0.0.1:1' });
    const result = await open.send(orders, messageOf('m', 'trip:t', { body: '{"order_id":".."}' }), 0, signal);
    expect(result).toMatchObject({ status: null, error: expect.stringContaining('no address') });
  });

  it('says why: nobody there, no such host', async () => {
    const sent = (url: string) => open.send(consumerOf('a', { url }), messageOf('m'), 0, signal);
    expect(await sent('http://127.0.0.1:1/')).toMatchObject({ status: null, error: expect.stringContaining('ECONNREFUSED') });
    expect(await sent('http://nobody.invalid/')).toMatchObject({ status: null, error: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) });
  });
});
