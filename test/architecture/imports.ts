import { posix } from 'node:path';
import { parseSync } from 'vite';

/** A source file, its path from the root of the repository with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** `type`: gone at run time. `url`: the file of a worker or a process, or a folder. */
export type ImportKind = 'value' | 'type' | 'url';

export interface Import {
  readonly line: number;
  readonly kind: ImportKind;
  /** as it stands there */
  readonly specifier: string;
  /** path from the root; null for what is not ours */
  readonly target: string | null;
}

/** Something of a file that is no import but that a rule may forbid. */
export interface Trait {
  readonly line: number;
  readonly what: 'default export' | 'export *' | 'clock or chance' | 'import that is no literal';
  readonly text: string;
}

export interface Scanned {
  readonly path: string;
  readonly imports: readonly Import[];
  readonly traits: readonly Trait[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** Globals that know the time, make chance or wait. */
const IMPURE = new Set(['performance', 'crypto', 'process', 'fetch', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']);
const IMPURE_MEMBERS = new Set(['Date.now', 'Math.random']);

/** Parses one file: everything it imports, statically, dynamically, by `export from` or by `new URL(..., import.meta.url)`. */
export function scan({ path, text }: SourceFile): Scanned {
  const imports: Import[] = [];
  const traits: Trait[] = [];
  const lineOf = (at: number): number => text.slice(0, at).split('\n').length;
  const found = (node: Node, kind: ImportKind, source: unknown) => {
    const specifier = literal(source);
    if (specifier === null) traits.push({ line: lineOf(node.start), what: 'import that is no literal', text: shown(text, node) });
    else imports.push({ line: lineOf(node.start), kind, specifier, target: resolve(path, specifier, kind) });
  };
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  for (const node of nodes(program)) {
    switch (node.type) {
      case 'ImportDeclaration':
        found(node, node.importKind === 'type' ? 'type' : 'value', node.source);
        break;
      case 'ExportNamedDeclaration':
        if (isNode(node.source)) found(node, node.exportKind === 'type' ? 'type' : 'value', node.source);
        if (exportsDefault(node)) traits.push({ line: lineOf(node.start), what: 'default export', text: shown(text, node) });
        break;
      case 'ExportAllDeclaration':
        found(node, node.exportKind === 'type' ? 'type' : 'value', node.source);
        traits.push({ line: lineOf(node.start), what: 'export *', text: shown(text, node) });
        break;
      case 'ExportDefaultDeclaration':
        traits.push({ line: lineOf(node.start), what: 'default export', text: shown(text, node) });
        break;
      case 'ImportExpression':
        found(node, 'value', node.source);
        break;
      case 'TSImportType':
        found(node, 'type', isNode(node.source) ? node.source : node.argument);
        break;
      case 'NewExpression': {
        const url = urlOf(node);
        if (url !== null) found(node, 'url', url);
        break;
      }
    }
    if (isImpure(node)) traits.push({ line: lineOf(node.start), what: 'clock or chance', text: shown(text, node) });
  }
  return { path, imports, traits };
}

/** The first argument of `new URL(..., import.meta.url)`. */
function urlOf(node: Node): unknown {
  const [first, base] = node.arguments as unknown[];
  if (nameOf(node.callee) !== 'URL' || !isNode(base) || base.type !== 'MemberExpression' || nameOf(base.property) !== 'url') return null;
  return isNode(base.object) && base.object.type === 'MetaProperty' ? first : null;
}

/** A string as it stands there; of a template what is before the first `${`, which names a folder at least. */
function literal(source: unknown): string | null {
  if (!isNode(source)) return null;
  if (source.type === 'TSLiteralType') return literal(source.literal);
  if (source.type === 'Literal') return typeof source.value === 'string' ? source.value : null;
  if (source.type !== 'TemplateLiteral') return null;
  const [quasi] = source.quasis as { value: { cooked: string } }[];
  const text = quasi?.value.cooked ?? '';
  return text === '' ? null : text;
}

function exportsDefault(node: Node): boolean {
  return (node.specifiers as Node[]).some(({ exported }) => nameOf(exported) === 'default');
}

function isImpure(node: Node): boolean {
  const { type, object, property, callee } = node;
  if (type === 'MemberExpression') return IMPURE_MEMBERS.has(`${nameOf(object)}.${nameOf(property)}`) || IMPURE.has(nameOf(object));
  if (type === 'CallExpression') return nameOf(callee) === 'Date' || IMPURE.has(nameOf(callee));
  return type === 'NewExpression' && nameOf(callee) === 'Date' && (node.arguments as unknown[]).length === 0;
}

function nameOf(node: unknown): string {
  return isNode(node) && typeof node.name === 'string' ? node.name : '';
}

function isNode(value: unknown): value is Node {
  return value !== null && typeof value === 'object' && typeof (value as Node).type === 'string';
}

function* nodes(value: unknown): Generator<Node> {
  if (Array.isArray(value)) {
    for (const one of value) yield* nodes(one);
  } else if (isNode(value)) {
    yield value;
    for (const one of Object.values(value)) if (one !== null && typeof one === 'object') yield* nodes(one);
  }
}

function shown(text: string, { start, end }: Node): string {
  return text.slice(start, end).split('\n')[0]?.slice(0, 80) ?? '';
}

/** A path from the root; our own packages by name are their entries. */
function resolve(from: string, specifier: string, kind: ImportKind): string | null {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier.split('?')[0] ?? '');
  if (kind === 'url') return posix.join(posix.dirname(from), specifier);
  const own = /^@waycast\/([^/]+)(\/.*)?$/.exec(specifier);
  if (own === null) return null;
  const [, name, rest] = own;
  const folder = ['simulator', 'replay', 'bench'].includes(name ?? '') ? 'tools' : 'packages';
  return `${folder}/${name}${rest ?? '/src/index.ts'}`;
}
