import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonSchema } from './json-schema.ts';
import { SharedSchemas } from './shared-schemas.ts';

const Place: JsonSchema = { title: 'Place', type: 'object', properties: { lat: { type: 'number' } } };
const PLACE = { $ref: '#/components/schemas/Place' };

describe('shared schemas [B1]', () => {
  it('are written once, wherever they stand', () => {
    const shared = new SharedSchemas({ Place: { lat: 1 } });
    const schema: JsonSchema = {
      properties: { one: Place, many: { type: 'array', items: Place }, maybe: { anyOf: [Place, { type: 'null' }] } },
      additionalProperties: Place,
      patternProperties: { '^x': { allOf: [Place], oneOf: [Place] } },
    };
    expect(shared.refer(schema)).toEqual({
      properties: { one: PLACE, many: { type: 'array', items: PLACE }, maybe: { anyOf: [PLACE, { type: 'null' }] } },
      additionalProperties: PLACE,
      patternProperties: { '^x': { allOf: [PLACE], oneOf: [PLACE] } },
    });
    expect(shared.refer(Place)).toEqual(PLACE);
    expect(shared.all()).toEqual({ Place: { ...Place, examples: [{ lat: 1 }] } });
  });

  it('keep an example of their own, and the description from wherever it comes', () => {
    const shared = new SharedSchemas({ Place: { lat: 1 } });
    shared.refer({ ...Place, examples: [{ lat: 2 }] });
    shared.refer({ ...Place, description: 'somewhere' });
    shared.refer({ ...Place, description: 'elsewhere' });
    expect(shared.all()).toEqual({ Place: { ...Place, examples: [{ lat: 2 }], description: 'somewhere' } });
    const later = new SharedSchemas({});
    later.refer(Place);
    later.refer({ ...Place, examples: [{ lat: 3 }], description: 'there' });
    later.refer({ ...Place, examples: [{ lat: 4 }] });
    expect(later.all()).toEqual({ Place: { ...Place, examples: [{ lat: 3 }], description: 'there' } });
  });

  it('refuse a second schema of one title, unless a scope tells them apart', () => {
    const shared = new SharedSchemas({});
    const other: JsonSchema = { ...Place, required: ['lat'] };
    shared.refer(Place);
    expect(() => shared.refer(other)).toThrow('two different schemas are titled Place');
    expect(shared.refer(other, 'fleet')).toEqual({ $ref: '#/components/schemas/fleet.Place' });
    expect(shared.refer(other, 'fleet')).toEqual({ $ref: '#/components/schemas/fleet.Place' });
    expect(() => shared.refer({ ...Place, required: [] }, 'fleet')).toThrow('two different schemas are titled Place in fleet');
    expect(Object.keys(shared.all())).toEqual(['Place', 'fleet.Place']);
  });

  it('say the same as what they were taken from', () => {
    const { tree } = fc.letrec<{ tree: JsonSchema }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<JsonSchema>({ type: 'string' }, { type: 'integer', minimum: 1 }, { const: 'x' }, { enum: ['a', null] }),
        fc.record({ items: tie('tree') }),
        fc.record({ anyOf: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
        fc.record({ properties: fc.dictionary(fc.string(), tie('tree'), { maxKeys: 3 }) }),
      ),
    }));
    // A title stands for one content, so a schema's own content is its title here.
    const titled = tree.map((schema) => withTitles(schema));
    fc.assert(
      fc.property(titled, (schema) => {
        const shared = new SharedSchemas({});
        const referred = shared.refer(schema);
        const all = shared.all();
        expect(JSON.stringify(all).includes('"title":') && Object.values(all).some((one) => inlineTitles(one) > 0)).toBe(false);
        expect(JSON.parse(expanded(referred, all))).toEqual(JSON.parse(JSON.stringify(schema)));
      }),
    );
  });
});

function withTitles(schema: JsonSchema): JsonSchema {
  const inner: JsonSchema = {
    ...schema,
    ...(schema.items && { items: withTitles(schema.items) }),
    ...(schema.anyOf && { anyOf: schema.anyOf.map(withTitles) }),
    ...(schema.properties && {
      properties: Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, withTitles(one)])),
    }),
  };
  return { ...inner, title: `t${Buffer.from(JSON.stringify(inner)).toString('hex')}` };
}

function inlineTitles({ title: _, ...schema }: JsonSchema): number {
  return JSON.stringify(schema).split('"title":"t').length - 1;
}

function expanded(schema: JsonSchema, all: Readonly<Record<string, JsonSchema>>): string {
  return JSON.stringify(schema, (_, value: unknown) => {
    const ref = typeof value === 'object' && value !== null && '$ref' in value ? value.$ref : undefined;
    const name = typeof ref === 'string' ? ref.slice('#/components/schemas/'.length) : undefined;
    return name === undefined ? value : (JSON.parse(expanded(all[name] ?? {}, all)) as unknown);
  });
}
