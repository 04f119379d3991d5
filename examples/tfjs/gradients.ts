/**
 * The gradients of TensorFlow.js's operations, which `@tensorflow/tfjs` registers and `@tensorflow/tfjs-core` alone
 * does not. Its file for that is for bundlers: it imports others without their extensions, which Node does not find,
 * and `require` of tsx does.
 */
import { createRequire } from 'node:module';

createRequire(import.meta.url)('@tensorflow/tfjs-core/dist/register_all_gradients');
