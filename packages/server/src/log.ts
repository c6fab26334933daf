import { type DestinationStream, type Logger, pino } from 'pino';

/** What libraries add to their errors that helps; the rest may be what was sent: tokens, passwords, rows with people in them. */
const TELLING = ['code', 'severity', 'syscall', 'address', 'port', 'table', 'column', 'constraint', 'hint'] as const;
/** Causes of causes. */
const MOST_CAUSES = 5;

const SECRETS: readonly (readonly [RegExp, string])[] = [
  // Of a password that holds an @ itself as well: up to the last one.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s"\\]*@/gi, '$1***@'],
  [/\b((?:access_)?token|ticket|signin|password|secret)=[^&\s"\\]+/gi, '$1=***'],
  [/\bBearer\s+[^\s"\\]+/gi, 'Bearer ***'],
  [/\bwhsec_[A-Za-z0-9+/=]+/g, 'whsec_***'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '***'],
];

export interface LogOptions {
  readonly serviceName: string;
  readonly logLevel: string;
}

/** The log, JSON by line. No secret gets through it, whoever quotes one [U6]. `to`: standard output by default. */
export function openLog({ serviceName, logLevel }: LogOptions, to?: DestinationStream): Logger {
  const options = { name: serviceName, level: logLevel, serializers: { err: errorFields }, hooks: { streamWrite: withoutSecrets } };
  return to === undefined ? pino(options) : pino(options, to);
}

function errorFields(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const { cause, errors } = error as Error & { readonly errors?: readonly unknown[] };
  const fields = error as unknown as Readonly<Record<string, unknown>>;
  return {
    type: error.name,
    message: error.message,
    ...Object.fromEntries(TELLING.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]]))),
    stack: error.stack,
    ...(cause !== undefined && depth < MOST_CAUSES && { cause: errorFields(cause, depth + 1) }),
    ...(Array.isArray(errors) && depth < MOST_CAUSES && { errors: errors.map((one) => errorFields(one, depth + 1)) }),
  };
}

/** A line, or what goes into one, with what looks like a secret left out. */
function withoutSecrets(line: string): string {
  return SECRETS.reduce((text, [pattern, instead]) => text.replace(pattern, instead), line);
}
