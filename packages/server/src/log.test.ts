import { describe, expect, it } from 'vitest';
import { openLog } from './log.ts';

function logged(write: (log: ReturnType<typeof openLog>) => void): { readonly text: string; readonly line: Record<string, unknown> } {
  let text = '';
  write(
    openLog(
      { serviceName: 'waycast', logLevel: 'trace' },
      {
        write: (line) => {
          text += line;
        },
      },
    ),
  );
  return { text, line: JSON.parse(text) as Record<string, unknown> };
}

describe('a log line [U6]', () => {
  it('tells of an error what helps, its causes too, and nothing that was sent', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', address: '10.0.0.7', port: 5432 });
    const both = new AggregateError([refused], '', { cause: refused });
    const error = Object.assign(new Error('no', { cause: both }), {
      command: { name: 'AUTH', args: ['hunter2-in-redis'] },
      parameters: ['+4912345'],
      detail: 'Failing row contains (Ms Miller)',
      input: 'postgres://waycast:hunter2@db',
      headers: { authorization: 'hunter2' },
    });
    const { text, line } = logged((log) => log.warn({ err: error }, 'it failed'));
    expect(line).toMatchObject({
      level: 40,
      msg: 'it failed',
      err: {
        type: 'Error',
        message: 'no',
        cause: { type: 'AggregateError', errors: [{ code: 'ECONNREFUSED', port: 5432 }], cause: { address: '10.0.0.7' } },
      },
    });
    expect(text).not.toMatch(/hunter2|4912345|Miller/);
    expect((line.err as { stack: string }).stack).toContain('log.test.ts');
  });

  it.each([
    ['an address', 'postgresql://waycast:hunter2@db.example:5432/waycast', 'postgresql://***@db.example:5432/waycast'],
    ['a password with an @ in it', 'redis://:hun@ter2@cache:6379', 'redis://***@cache:6379'],
    ['a query', 'GET /ws?token=hunter2&x=1', 'GET /ws?token=***&x=1'],
    ['another', '/v1/stream?ticket=hunter2', '/v1/stream?ticket=***'],
    ['a header', 'authorization: Bearer hunter2', 'authorization: Bearer ***'],
    ['a secret of a webhook', 'whsec_aHVudGVyMg==', 'whsec_***'],
    ['a token by itself', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.c2lnbmF0dXJl', '***'],
  ])('leaves out %s wherever it stands', (_, given, told) => {
    const { line, text } = logged((log) => log.info({ problem: `"${given}" will not do`, err: new Error(given) }, given));
    expect(line).toMatchObject({ msg: told, problem: `"${told}" will not do`, err: { message: told } });
    expect(text).not.toContain('hunter2');
  });

  it('keeps what is no secret, and passes on what is no error', () => {
    const { line } = logged((log) =>
      log.info({ urls: ['http://127.0.0.1:8080'], err: 'no answer' }, 'a token of driver d-1@home is late: see https://docs.example/a'),
    );
    expect(line).toMatchObject({
      urls: ['http://127.0.0.1:8080'],
      err: 'no answer',
      msg: 'a token of driver d-1@home is late: see https://docs.example/a',
    });
  });
});
