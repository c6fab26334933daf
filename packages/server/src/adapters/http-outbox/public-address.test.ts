import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPublicAddress, literalAddress } from './public-address.ts';

/** The registries of special addresses, told apart by plain numbers. */
function isPublicV4([a, b, c, d]: readonly [number, number, number, number]): boolean {
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if (a === 100 && b >= 64 && b < 128) return false;
  if ((a === 169 && b === 254) || (a === 172 && b >= 16 && b < 32)) return false;
  if (a === 192 && b === 168) return false;
  if (a === 192 && b === 0 && (c === 0 || c === 2)) return false;
  if (a === 192 && ((b === 88 && c === 99) || (b === 31 && c === 196) || (b === 52 && c === 193) || (b === 175 && c === 48))) return false;
  if (a === 198 && (b === 18 || b === 19 || (b === 51 && c === 100))) return false;
  if (a === 203 && b === 0 && c === 113) return false;
  return !(a === 168 && b === 63 && c === 129 && d === 16);
}

type Bytes = readonly [number, number, number, number];
const byte = fc.integer({ min: 0, max: 255 });
/** Half of them near the edges of what is special. */
const v4: fc.Arbitrary<Bytes> = fc.oneof(
  fc.tuple(byte, byte, byte, byte),
  fc
    .tuple(
      fc.constantFrom<readonly [number, number, number]>(
        [0, 0, 0],
        [9, 255, 255],
        [10, 0, 0],
        [11, 0, 0],
        [100, 63, 255],
        [100, 64, 0],
        [100, 127, 255],
        [100, 128, 0],
        [126, 255, 255],
        [127, 0, 0],
        [128, 0, 0],
        [169, 253, 255],
        [169, 254, 169],
        [169, 255, 0],
        [172, 15, 255],
        [172, 16, 0],
        [172, 31, 255],
        [172, 32, 0],
        [192, 0, 0],
        [192, 0, 1],
        [192, 0, 2],
        [192, 0, 3],
        [192, 167, 255],
        [192, 168, 0],
        [192, 169, 0],
        [198, 17, 255],
        [198, 18, 0],
        [198, 19, 255],
        [198, 20, 0],
        [198, 51, 100],
        [203, 0, 113],
        [203, 0, 114],
        [223, 255, 255],
        [224, 0, 0],
        [239, 0, 0],
        [240, 0, 0],
        [255, 255, 255],
        [168, 63, 129],
      ),
      byte,
    )
    .map(([[a, b, c], d]): Bytes => [a, b, c, d]),
);

const dotted = (bytes: Bytes): string => bytes.join('.');
const groups = ([a, b, c, d]: Bytes): [string, string] => [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)];

/** Every way to write an IPv4 address into a URL. */
const asHost = fc.tuple(v4, fc.integer({ min: 0, max: 7 })).map(([bytes, form]) => {
  const [a, b, c, d] = bytes;
  const whole = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const forms = [
    dotted(bytes),
    String(whole),
    `0x${whole.toString(16)}`,
    `0${whole.toString(8)}`,
    bytes.map((one) => `0x${one.toString(16)}`).join('.'),
    bytes.map((one) => `0${one.toString(8)}`).join('.'),
    `${a}.${(b << 16) | (c << 8) | d}`,
    `${a}.${b}.${(c << 8) | d}.`,
  ];
  return { bytes, text: forms[form] as string };
});

describe('an IPv4 address [W13]', () => {
  it('is public by the registries, however near their edges', () => {
    fc.assert(
      fc.property(v4, (bytes) => {
        expect(isPublicAddress(dotted(bytes)), dotted(bytes)).toBe(isPublicV4(bytes));
      }),
      { numRuns: 5_000 },
    );
  });

  it('is known in a URL, however it is written there', () => {
    fc.assert(
      fc.property(asHost, ({ bytes, text }) => {
        const address = literalAddress(new URL(`https://${text}/x`).hostname);
        expect(address, text).toBe(dotted(bytes));
        expect(isPublicAddress(address ?? ''), text).toBe(isPublicV4(bytes));
      }),
      { numRuns: 5_000 },
    );
  });

  it('is known in the clothes of IPv6: mapped, and behind a NAT64', () => {
    const forms = (bytes: Bytes): string[] => {
      const [high, low] = groups(bytes);
      return [
        `::ffff:${dotted(bytes)}`,
        `::FFFF:${high}:${low}`,
        `0:0:0:0:0:ffff:${high.padStart(4, '0')}:${low}`,
        `0000:0000:0000:0000:0000:ffff:${dotted(bytes)}`,
        `64:ff9b::${dotted(bytes)}`,
        `64:ff9b::${high}:${low}`,
        `64:ff9b:0:0:0:0:${high}:${low}`,
        `0064:FF9B::${high}:${low}%eth0`,
      ];
    };
    fc.assert(
      fc.property(v4, (bytes) => {
        for (const text of forms(bytes)) {
          expect(isPublicAddress(text), text).toBe(isPublicV4(bytes));
          if (text.includes('%')) continue;
          const host = literalAddress(new URL(`https://[${text}]/`).hostname);
          expect(isPublicAddress(host ?? ''), `${text} as ${host}`).toBe(isPublicV4(bytes));
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('inside an old or local IPv6 form is never public', () => {
    fc.assert(
      fc.property(v4, (bytes) => {
        const [high, low] = groups(bytes);
        for (const text of [
          `::${dotted(bytes)}`,
          `2002:${high}:${low}::1`,
          `64:ff9b:1::${dotted(bytes)}`,
          `2001:0:${high}:${low}::1`,
          `::ffff:0:${dotted(bytes)}`,
        ])
          expect(isPublicAddress(text), text).toBe(false);
      }),
    );
  });
});

describe('an IPv6 address [W13]', () => {
  it.each([
    '::',
    '::1',
    '0:0:0:0:0:0:0:1',
    '100::1',
    'fc00::1',
    'fd00:ec2::254',
    'fdff:ffff::1',
    'fe80::1',
    'fe80::1%lo',
    'febf::1',
    'fec0::1',
    'ff02::1',
    'ff0e::1',
    '2001:db8::1',
    '2001:10::1',
    '2001:20::1',
    '3fff::1',
    '4000::1',
    '1fff::1',
    'a000::1',
  ])('%s is not public', (text) => {
    expect(isPublicAddress(text)).toBe(false);
  });

  it.each(['2606:4700:4700::1111', '2a00:1450:4001:81b::200e', '2001:4860:4860::8888', '2003::1', '3ffe:ffff::1'])(
    '%s is public',
    (text) => {
      expect(isPublicAddress(text)).toBe(true);
    },
  );

  it('outside 2000::/3 is never public, but for what carries a public IPv4 address', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.tuple(group, group, group, group, group, group, group, group), (all) => {
        const text = all.map((one) => one.toString(16)).join(':');
        const first = all[0];
        const carries = text.startsWith('64:ff9b:') || text.startsWith('0:0:0:0:0:ffff:');
        if (!carries && (first < 0x2000 || first >= 0x4000)) expect(isPublicAddress(text), text).toBe(false);
        else if (first >= 0x2400 && first < 0x2600) expect(isPublicAddress(text), text).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });
});

it('what is no address is not public', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(literalAddress(text) === null);
      expect(isPublicAddress(text)).toBe(false);
    }),
  );
  for (const text of ['', 'localhost', '127.1', '1.2.3.4.5', '256.1.1.1', '::g', 'example.com', '8.8.8.8 ', '٨.٨.٨.٨'])
    expect(isPublicAddress(text), text).toBe(false);
});
