/** `fewbits/messages`: packets over transports whose messages are limited in size, as WebRTC's are. */
export { openJoiner, type Joined, type Joiner, type JoinerOptions } from './joiner.ts';
export { splitMessage, type SplitOptions } from './split.ts';
