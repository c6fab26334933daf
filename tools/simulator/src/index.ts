export { type DemoOptions, type DemoReport, runDemo } from './demo.ts';
