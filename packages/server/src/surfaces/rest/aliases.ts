import { WaycastError } from '@waycast/protocol';
import type { FastifyInstance } from 'fastify';

const ALIASES = [
  ['latitude', 'lat'],
  ['longitude', 'lng'],
] as const;
/** Where the fleet clients' words are taken as well [K15]. */
const TAKES = /^\/v1\/(trips(\/|$)|drivers\/:id\/locations$|tracks\/search$)/;

/** Lets `latitude` and `longitude` stand for `lat` and `lng` on the paths of the fleet clients. Comes before its routes. */
export function placeAliases(app: FastifyInstance): void {
  app.addHook('preValidation', async (request) => {
    if (!TAKES.test(request.routeOptions.url ?? '')) return;
    const { body } = request;
    if (!isObject(body)) return;
    rename(body, '');
    rename(body.location, '/location');
    if (Array.isArray(body.stops)) for (const [index, stop] of body.stops.entries()) rename(stop, `/stops/${index}`);
    // Of a batch each fix is looked at alone: one that contradicts itself is refused by its schema, its neighbours count.
    if (Array.isArray(body.fixes)) for (const fix of body.fixes) if (!contradicts(fix)) rename(fix, '');
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** @throws WaycastError `bad_request` when both names are there and differ */
function rename(value: unknown, where: string): void {
  if (!isObject(value)) return;
  for (const [alias, name] of ALIASES) {
    if (!Object.hasOwn(value, alias)) continue;
    if (differs(value, alias, name))
      throw new WaycastError('bad_request', `${alias} and ${name} are the same thing and differ`, { field: `${where}/${alias}` });
    value[name] = value[alias];
    delete value[alias];
  }
}

function contradicts(value: unknown): boolean {
  return isObject(value) && ALIASES.some(([alias, name]) => Object.hasOwn(value, alias) && differs(value, alias, name));
}

function differs(value: Record<string, unknown>, alias: string, name: string): boolean {
  return Object.hasOwn(value, name) && value[name] !== value[alias];
}
