// `npm run bench`: row 2 of the performance budget; arguments go to the bench (`npm run bench -- --help`).
import { join } from 'node:path';
import { buildServer } from './build-server.mjs';
import { environment, install, must, ROOT, runtime } from './setup.mjs';

install();
const node = runtime();
buildServer(node);
must(node, [join(ROOT, 'tools', 'bench', 'src', 'bench.ts'), ...process.argv.slice(2)], ROOT, environment(node), 1);
