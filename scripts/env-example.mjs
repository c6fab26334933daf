// `npm run env-example`: writes .env.example anew, from the table of settings.
import { join } from 'node:path';
import { install, must, ROOT, runtime } from './setup.mjs';

install();
must(runtime(), [join(ROOT, 'deploy', 'env-example.ts')]);
