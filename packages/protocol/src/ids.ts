import Type from 'typebox';

/** Ids of drivers, trips, stops and parties: opaque, 1-64 of `A-Za-z0-9_.:-`. */
export const Id = Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,64}$', description: 'opaque id, 1-64 of A-Za-z0-9_.:-', title: 'Id' });

const ID = /^[A-Za-z0-9_.:-]{1,64}$/;

export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}
