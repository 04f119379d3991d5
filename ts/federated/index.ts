/** `fewbits/federated`: federated rounds as endpoints, a client and a server without input or output of their own. */
export { client, type Applied, type Client, type ClientOptions, type StartOptions } from './client.ts';
export type { Clip, Noise } from './clip.ts';
export { server, type Server, type ServerOptions } from './server.ts';
export type { Compressing, EndOptions } from './setup.ts';
