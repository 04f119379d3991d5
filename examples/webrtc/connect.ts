/**
 * Data channels to all peers, by the standard API alone: RTCPeerConnection is given, a page's own or a package's. Of
 * two peers the one of the lower rank offers; what they have to tell each other before they are connected goes by
 * `signal`.
 */

/** What two peers tell each other to connect. */
export type Signal =
  { readonly description: RTCSessionDescriptionInit } | { readonly candidate: RTCIceCandidateInit };

export interface ConnectOptions {
  readonly RTCPeerConnection: typeof RTCPeerConnection;
  /** STUN and TURN servers; none are needed within one network. */
  readonly iceServers?: readonly RTCIceServer[];
  /** Takes a signal to that peer. */
  readonly signal: (to: number, signal: Signal) => void;
}

/** One peer: its connection and its channel. */
export interface Peer {
  /** Takes a signal of that peer's; they are dealt with one after the other. */
  take(signal: Signal): void;
  /** The channel, once it is open. */
  readonly channel: Promise<RTCDataChannel>;
  close(): void;
}

/** Connects to the peer of rank `to`. `onChannel` gets the channel before anything has come on it. */
export function connect(
  rank: number,
  to: number,
  { RTCPeerConnection, iceServers = [], signal }: ConnectOptions,
  onChannel: (channel: RTCDataChannel) => void,
): Peer {
  const connection = new RTCPeerConnection({ iceServers: [...iceServers] });
  let work: Promise<void> = Promise.resolve();
  const channel = new Promise<RTCDataChannel>((resolve, reject) => {
    const use = (channel: RTCDataChannel): void => {
      channel.binaryType = 'arraybuffer';
      onChannel(channel);
      if (channel.readyState === 'open') resolve(channel);
      else channel.addEventListener('open', () => resolve(channel));
    };
    const inTurn = (next: () => Promise<void>): void => {
      work = work.then(next).catch(reject);
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
  });
  channel.catch(() => {});

  async function describe(description: RTCSessionDescriptionInit): Promise<void> {
    await connection.setLocalDescription(description);
    const { type, sdp } = description;
    signal(to, { description: { type, sdp } });
  }

  async function deal(one: Signal): Promise<void> {
    if ('candidate' in one) return connection.addIceCandidate(one.candidate);
    await connection.setRemoteDescription(one.description);
    if (one.description.type === 'offer') await describe(await connection.createAnswer());
  }

  return {
    take(one) {
      // a candidate comes after the description that it belongs to, since signals keep their order
      work = work.then(() => deal(one)).catch(() => {});
    },
    channel,
    close: () => connection.close(),
  };
}
