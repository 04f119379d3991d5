/**
 * Data channels to all peers, by the standard API alone: RTCPeerConnection is given, a page's own or a package's. Of
 * two peers the one of the lower rank offers; what they have to tell each other before they are connected goes by
 * `signal`.
 */

/** What two peers tell each other to connect. */
export type Signal =
  | { readonly description: RTCSessionDescriptionInit }
  | { readonly candidate: RTCIceCandidateInit };

export interface ConnectOptions {
  readonly RTCPeerConnection: typeof RTCPeerConnection;
  /** STUN and TURN servers; none are needed within one network. */
  readonly iceServers?: readonly RTCIceServer[];
  /** Takes a signal to that peer. */
  readonly signal: (to: number, signal: Signal) => void;
  /** Milliseconds after which a peer without an open channel is given up (default: 60,000). */
  readonly within?: number;
}

/** One peer: its connection and its channel. */
export interface Peer {
  /** Takes a signal of that peer's; they are dealt with one after the other. */
  take(signal: Signal): void;
  /** The channel, once it is open; rejects where none comes about. */
  readonly channel: Promise<RTCDataChannel>;
  close(): void;
}

/** Connects to the peer of rank `to`. `onChannel` gets the channel before anything has come on it. */
export function connect(
  rank: number,
  to: number,
  { RTCPeerConnection, iceServers = [], signal, within = 60_000 }: ConnectOptions,
  onChannel: (channel: RTCDataChannel) => void,
): Peer {
  const connection = new RTCPeerConnection({ iceServers: [...iceServers] });
  /** Candidates of the peer's that came before its description, which they belong to; undefined after that. */
  let early: RTCIceCandidateInit[] | undefined = [];
  let work: Promise<void> = Promise.resolve();
  const { promise: channel, resolve, reject } = deferred<RTCDataChannel>();
  const timer = setTimeout(() => reject(new Error(`no channel to peer ${to} in ${within} ms`)), within);
  channel.catch(() => {}).finally(() => clearTimeout(timer));

  const inTurn = (next: () => Promise<void>): void => {
    work = work.then(next).catch((error: unknown) => reject(new Error(`peer ${to}: ${String(error)}`)));
  };
  const use = (channel: RTCDataChannel): void => {
    channel.binaryType = 'arraybuffer';
    onChannel(channel);
    if (channel.readyState === 'open') resolve(channel);
    else channel.addEventListener('open', () => resolve(channel));
  };
  connection.addEventListener('icecandidate', ({ candidate }) => {
    if (candidate === null) return;
    const { candidate: text, sdpMid, sdpMLineIndex } = candidate;
    signal(to, { candidate: { candidate: text, sdpMid, sdpMLineIndex } });
  });
  connection.addEventListener('connectionstatechange', () => {
    if (connection.connectionState === 'failed') reject(new Error(`no way to peer ${to} was found`));
  });
  if (rank < to) {
    // in any order: no message waits for another that is late, and the joiner does not mind
    use(connection.createDataChannel('fewbits', { ordered: false }));
    inTurn(async () => describe(await connection.createOffer()));
  } else connection.addEventListener('datachannel', (event) => use(event.channel));

  async function describe(description: RTCSessionDescriptionInit): Promise<void> {
    await connection.setLocalDescription(description);
    const { type, sdp } = description;
    signal(to, { description: { type, sdp } });
  }

  /** One of several ways to the peer; where it is none, another may be. */
  async function addWay(candidate: RTCIceCandidateInit): Promise<void> {
    await connection.addIceCandidate(candidate).catch(() => {});
  }

  async function deal(one: Signal): Promise<void> {
    if ('candidate' in one)
      return early === undefined ? addWay(one.candidate) : void early.push(one.candidate);
    await connection.setRemoteDescription(one.description);
    // an implementation may find its first candidates before it has told its description
    for (const candidate of early ?? []) await addWay(candidate);
    early = undefined;
    if (one.description.type === 'offer') await describe(await connection.createAnswer());
  }

  return { take: (one) => inTurn(() => deal(one)), channel, close: () => connection.close() };
}

/** A promise and what settles it. */
function deferred<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}
