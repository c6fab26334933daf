import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { signatureHeaders } from './signature.ts';

const secretOf = (bytes: Uint8Array): string => `whsec_${Buffer.from(bytes).toString('base64')}`;
const key = fc.uint8Array({ minLength: 24, maxLength: 64 }).map(secretOf);

describe('signatures [W5]', () => {
  it('are those of Standard Webhooks, for any body and key', () => {
    fc.assert(
      fc.property(key, fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/), fc.json(), (secret, id, body) => {
        const headers = signatureHeaders(id, Date.now(), body, [{ secret, until: null }]);
        expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
        expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow('No matching signature');
      }),
    );
  });

  it('are one for each secret in force, so that either verifies', () => {
    fc.assert(
      fc.property(key, key, key, (now, before, ended) => {
        fc.pre(new Set([now, before, ended]).size === 3);
        const at = Date.now();
        const headers = signatureHeaders('m', at, '{}', [
          { secret: now, until: null },
          { secret: before, until: at + 1 },
          { secret: ended, until: at },
        ]);
        expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
        for (const secret of [now, before]) expect(new Webhook(secret).verify('{}', headers)).toEqual({});
        expect(() => new Webhook(ended).verify('{}', headers)).toThrow('No matching signature');
      }),
    );
  });

  it('say when the try was, in seconds', () => {
    expect(signatureHeaders('m', 1_700_000_000_999, '{}', [])['webhook-timestamp']).toBe('1700000000');
  });
});
