import type { Static, TSchema } from 'typebox';
import { ERRORS, type ErrorCode, Problem } from '../../packages/protocol/src/index.ts';
import { validator } from '../../packages/protocol/src/validate.ts';
import type { TestServer } from './server.ts';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON of the body; what it should be is said by `as` and `problem`. */
  json(): unknown;
  /** The body, which has to fit its schema; the status has to be as said, 200 by default. */
  as<S extends TSchema>(schema: S, status?: number): Static<S>;
  /** The problem in the body, of this code and its status. */
  problem(code: ErrorCode): Static<typeof Problem>;
}

/** Somebody who calls the REST surface, with a token or without one. */
export interface Caller {
  get(path: string): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  put(path: string, body?: unknown): Promise<Answer>;
  patch(path: string, body?: unknown): Promise<Answer>;
  delete(path: string): Promise<Answer>;
  /** Anything at all; a string is sent as it is, anything else as JSON. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

export function caller(server: TestServer, token?: string): Caller {
  const call: Caller['call'] = async (method, path, body, headers = {}) => {
    const response = await fetch(server.url + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return answer(`${method} ${path}`, response, await response.text());
  };
  return {
    call,
    get: (path) => call('GET', path),
    post: (path, body, headers) => call('POST', path, body, headers),
    put: (path, body) => call('PUT', path, body),
    patch: (path, body) => call('PATCH', path, body),
    delete: (path) => call('DELETE', path),
  };
}

function answer(asked: string, response: Response, text: string): Answer {
  const type = response.headers.get('content-type') ?? '';
  const told = () => `${asked} answered ${response.status} ${type}: ${text.slice(0, 1_000)}`;
  const as = <S extends TSchema>(schema: S, status = 200): Static<S> => {
    if (response.status !== status) throw new Error(`${status} expected; ${told()}`);
    const body: unknown = JSON.parse(text);
    const shape = validator(schema);
    if (!shape.check(body)) throw new Error(`${JSON.stringify(shape.failure(body))}; ${told()}`);
    return body;
  };
  return {
    status: response.status,
    type,
    headers: response.headers,
    text,
    json: () => JSON.parse(text) as unknown,
    as,
    problem: (code) => {
      if (!type.startsWith('application/problem+json')) throw new Error(`problem details expected; ${told()}`);
      const problem = as(Problem, ERRORS[code].status);
      if (problem.code !== code || problem.status !== response.status || problem.title !== ERRORS[code].title)
        throw new Error(`${code} expected; ${told()}`);
      return problem;
    },
  };
}

/** A problem as any other request would have it: the trace is of the one that asked. */
export function withoutTrace(text: string): string {
  return text.replace(/,"trace":"[0-9a-f]{32}"/, '');
}
