import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

/** [network, bits]: what no public service answers at (IANA special-purpose registries), and what clouds keep for themselves. */
const NOT_PUBLIC_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  // Azure's own services, metadata among them, at an address that looks public.
  ['168.63.129.16', 32],
];

/** Within 2000::/3, which is all that is public at all. */
const NOT_PUBLIC_V6: readonly (readonly [string, number])[] = [
  // Teredo, ORCHID and other protocol assignments.
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4: carries an IPv4 address, and nobody serves there any more.
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
];

const blocked = new BlockList();
for (const [network, bits] of NOT_PUBLIC_V4) blocked.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of NOT_PUBLIC_V6) blocked.addSubnet(network, bits, 'ipv6');
const global = new BlockList();
global.addSubnet('2000::', 3, 'ipv6');
/** An IPv4 address in other clothes: mapped, and behind a NAT64 with the well-known prefix. */
const carriers = new BlockList();
carriers.addSubnet('::ffff:0:0', 96, 'ipv6');
carriers.addSubnet('64:ff9b::', 96, 'ipv6');

/** Whether an address, as text, is one that anybody on the internet may be reached at. What is no address is not. */
export function isPublicAddress(text: string): boolean {
  const address = text.replace(/%.*$/, '');
  if (isIPv4(address)) return !blocked.check(address, 'ipv4');
  if (!isIPv6(address)) return false;
  if (carriers.check(address, 'ipv6')) return isPublicAddress(lastFourBytes(address));
  return global.check(address, 'ipv6') && !blocked.check(address, 'ipv6');
}

/** The host of a URL as an address, null when it is a name. */
export function literalAddress(hostname: string): string | null {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) === 0 ? null : bare;
}

function lastFourBytes(address: string): string {
  const dotted = /(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (dotted !== undefined) return dotted;
  // The two last groups; fewer are written when what is before them is left out as "::".
  const groups = (address.split('::').at(-1) ?? '').split(':').filter((group) => group !== '');
  const [high = 0, low = 0] = groups.slice(-2).length === 2 ? groups.slice(-2).map(hex) : [0, ...groups.map(hex)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function hex(group: string): number {
  return Number.parseInt(group, 16);
}
