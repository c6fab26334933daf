import { dirname, join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'rolldown';

// `node bundle.ts FOLDER`: the server and all it imports in a few files. A start reads these instead of two thousand.

const OURS = join(import.meta.dirname, '../..');
const SOURCES = join(import.meta.dirname, 'src');
/** Where they run, from wherever they are written. */
const BUILT = join(import.meta.dirname, 'dist');
/** How the sources name a file by where they stand themselves: a thread's or process's own, or one that is read. */
const BESIDE = /new URL\('(\.{1,2}\/[^']+)', import\.meta\.url\)/g;

/** What is named so is found from where they run; what is a program of its own is built as one. */
function filesBeside(): Plugin {
  return {
    name: 'files-beside',
    transform(code, id) {
      if (!id.startsWith(OURS) || id.includes('node_modules')) return null;
      if (/import\.meta\b/.test(code.replaceAll(BESIDE, '')))
        this.error(`${id}: a file beside it is named by new URL('./file', import.meta.url)`);
      return code.replaceAll(BESIDE, (_, path: string) => {
        const file = resolve(dirname(id), path);
        if (path.endsWith('.ts')) return `new URL(import.meta.ROLLUP_FILE_URL_${this.emitFile({ type: 'chunk', id: file })})`;
        return `new URL('${relative(BUILT, file).replaceAll('\\', '/')}', import.meta.url)`;
      });
    },
  };
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new TypeError('bundle.ts wants the folder to write to');
await build({
  input: join(SOURCES, 'cli.ts'),
  platform: 'node',
  // It is for the checker; the image has none.
  tsconfig: false,
  // What is the operator's to add, and what reads files beside its own.
  external: [/^@opentelemetry\//, '@fastify/swagger-ui'],
  plugins: [filesBeside()],
  output: { dir: folder },
});
