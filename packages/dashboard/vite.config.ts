import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2023',
    // Small files as data: URLs would need a wider content security policy.
    assetsInlineLimit: 0,
    // MapLibre alone is a megabyte; it is a chunk of its own, loaded beside the app.
    chunkSizeWarningLimit: 1400,
  },
  server: { proxy: { '/v1': { target: 'http://127.0.0.1:8080', ws: true }, '/ui-config.json': 'http://127.0.0.1:8080' } },
});
