// SPDX-License-Identifier: Apache-2.0

// Made by native/abi/generate.ts from native/abi/event.h; do not edit. Offsets and sizes in bytes.

export const counter = {
  forkRingFull: 0,
  execRingFull: 1,
  exitRingFull: 2,
  processMapFull: 3,
  argvUnreadable: 4,
  argvTooLong: 5,
  pathCut: 6,
  openRingFull: 7,
  closeRingFull: 8,
  closeLost: 9,
  bytesRingFull: 10,
  bytesUnreadable: 11,
  segmentTooLarge: 12,
  socketStorage: 13,
  refused: 14,
  retransmitted: 15,
  udpMapFull: 16,
  unixMapFull: 17,
  unixNoBuffer: 18,
  unixCallTooLarge: 19,
  packetUnreadable: 20,
  joinRingFull: 21,
  unixUnreadable: 22,
  copySkipped: 23,
  selectionMapFull: 24,
  argvRingFull: 25,
  processStale: 26,
  uringUnseen: 27,
  secretRingFull: 28,
  secretMapFull: 29,
  secretUnreadable: 30,
  imageRingFull: 31,
  imageUnreadable: 32,
  unsettledMapFull: 33,
  held: 34,
  holdExpired: 35,
  wayRingFull: 40,
  heldTime: 41,
  count: 48,
} as const;

export const direction = {
  sent: 0,
  received: 1,
} as const;

export const eventType = {
  fork: 1,
  exec: 2,
  argvPiece: 3,
  exit: 4,
  join: 5,
  open: 6,
  close: 7,
  bytes: 8,
  earlyBytes: 9,
  gap: 10,
  secret: 11,
  image: 12,
  way: 13,
} as const;

export const gapReason = {
  unreadable: 1,
  tooLarge: 2,
  noBuffer: 3,
  skipped: 4,
} as const;

export const probeKind = {
  opensslKdf: 1,
  goKeyLog: 2,
  gnutlsHkdf: 3,
  gnutlsPrf: 4,
  boringsslHkdf: 5,
  boringsslPrf: 6,
  openssl11Input: 7,
  ringHmacKey: 8,
  ringHkdf: 9,
  rustlsKeyBlock: 10,
} as const;

export const role = {
  unknown: 0,
  client: 1,
  server: 2,
} as const;

export const secretKind = {
  traffic: 1,
  master: 2,
} as const;

export const secretLabel = {
  unknown: 0,
  clientEarly: 1,
  clientHandshake: 2,
  serverHandshake: 3,
  clientApplication: 4,
  serverApplication: 5,
} as const;

export const sessionBy = {
  process: 1,
  cgroup: 2,
} as const;

export const transport = {
  tcp: 1,
  udp: 2,
  unix: 3,
} as const;

export const way = {
  unreadCall: 1,
  socket: 2,
  kernelTls: 3,
  sharedPages: 4,
  foreignSocket: 5,
  traces: 6,
  traced: 7,
  namespace: 8,
  unlinkedProgram: 9,
  quic: 10,
  filesReceived: 11,
  syscall: 12,
} as const;

export const addresses = {
  structBytes: 48,
  local: 0,
  remote: 16,
  localPort: 32,
  remotePort: 34,
  family: 36,
  transport: 37,
  role: 38,
  networkNamespace: 40,
} as const;

export const argvPieceEvent = {
  structBytes: 8224,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  tgid: 16,
  offset: 20,
  bytes: 24,
  data: 32,
} as const;

export const bytesEvent = {
  structBytes: 56,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  connection: 16,
  offset: 24,
  tgid: 32,
  bytes: 36,
  direction: 40,
  ahead: 44,
  otherOffset: 48,
  data: 56,
} as const;

export const caller = {
  structBytes: 48,
  process: 0,
  processTgid: 0,
  processStartNs: 8,
  scope: 16,
  scopeSelectionId: 16,
  scopeSessionKey: 24,
  connection: 32,
  uid: 40,
  networkNamespace: 44,
} as const;

export const callerKey = {
  structBytes: 24,
  address: 0,
  port: 16,
  family: 18,
} as const;

export const closeEvent = {
  structBytes: 168,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  connection: 16,
  process: 24,
  processTgid: 24,
  processStartNs: 32,
  scope: 40,
  scopeSelectionId: 40,
  scopeSessionKey: 48,
  startedNs: 56,
  sentBytes: 64,
  receivedBytes: 72,
  unsentBytes: 80,
  unreadBytes: 88,
  droppedSentBytes: 96,
  droppedReceivedBytes: 104,
  addresses: 112,
  addressesLocal: 112,
  addressesRemote: 128,
  addressesLocalPort: 144,
  addressesRemotePort: 146,
  addressesFamily: 148,
  addressesTransport: 149,
  addressesRole: 150,
  addressesNetworkNamespace: 152,
  error: 160,
  heldUs: 164,
} as const;

export const earlyBytesEvent = {
  structBytes: 2120,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  addresses: 16,
  addressesLocal: 16,
  addressesRemote: 32,
  addressesLocalPort: 48,
  addressesRemotePort: 50,
  addressesFamily: 52,
  addressesTransport: 53,
  addressesRole: 54,
  addressesNetworkNamespace: 56,
  sequence: 64,
  bytes: 68,
  data: 72,
} as const;

export const event = {
  structBytes: 16,
  type: 0,
  flags: 2,
  size: 4,
  timeNs: 8,
} as const;

export const execEvent = {
  structBytes: 120,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  process: 16,
  processTgid: 16,
  processStartNs: 24,
  parent: 32,
  parentTgid: 32,
  parentStartNs: 40,
  scope: 48,
  scopeSelectionId: 48,
  scopeSessionKey: 56,
  cgroupId: 64,
  exeInode: 72,
  exeDevice: 80,
  uid: 84,
  gid: 88,
  loginUid: 92,
  pidNamespace: 96,
  mountNamespace: 100,
  networkNamespace: 104,
  argvBytes: 108,
  exeBytes: 112,
  cwdBytes: 114,
  cgroupBytes: 116,
  argvInlineBytes: 118,
  data: 120,
} as const;

export const exitEvent = {
  structBytes: 56,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  process: 16,
  processTgid: 16,
  processStartNs: 24,
  scope: 32,
  scopeSelectionId: 32,
  scopeSessionKey: 40,
  status: 48,
} as const;

export const forkEvent = {
  structBytes: 64,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  process: 16,
  processTgid: 16,
  processStartNs: 24,
  parent: 32,
  parentTgid: 32,
  parentStartNs: 40,
  scope: 48,
  scopeSelectionId: 48,
  scopeSessionKey: 56,
} as const;

export const gapEvent = {
  structBytes: 48,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  connection: 16,
  offset: 24,
  direction: 32,
  bytes: 36,
  reason: 40,
} as const;

export const imageEvent = {
  structBytes: 64,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  process: 16,
  processTgid: 16,
  processStartNs: 24,
  scope: 32,
  scopeSelectionId: 32,
  scopeSessionKey: 40,
  inode: 48,
  device: 56,
  pathBytes: 60,
  data: 64,
} as const;

export const joinEvent = {
  structBytes: 64,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  process: 16,
  processTgid: 16,
  processStartNs: 24,
  parent: 32,
  parentTgid: 32,
  parentStartNs: 40,
  scope: 48,
  scopeSelectionId: 48,
  scopeSessionKey: 56,
} as const;

export const openEvent = {
  structBytes: 344,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  connection: 16,
  process: 24,
  processTgid: 24,
  processStartNs: 32,
  scope: 40,
  scopeSelectionId: 40,
  scopeSessionKey: 48,
  startedNs: 56,
  addresses: 64,
  addressesLocal: 64,
  addressesRemote: 80,
  addressesLocalPort: 96,
  addressesRemotePort: 98,
  addressesFamily: 100,
  addressesTransport: 101,
  addressesRole: 102,
  addressesNetworkNamespace: 104,
  receivedSequence: 112,
  receivedAccepted: 116,
  peerPid: 120,
  localPathBytes: 124,
  remotePathBytes: 126,
  localPath: 128,
  remotePath: 236,
} as const;

export const processKey = {
  structBytes: 16,
  tgid: 0,
  startNs: 8,
} as const;

export const processState = {
  structBytes: 24,
  startNs: 0,
  scope: 8,
  scopeSelectionId: 8,
  scopeSessionKey: 16,
} as const;

export const scope = {
  structBytes: 16,
  selectionId: 0,
  sessionKey: 8,
} as const;

export const secret = {
  structBytes: 120,
  kind: 0,
  label: 2,
  has: 4,
  secretBytes: 6,
  clientRandom: 8,
  serverRandom: 40,
  secret: 72,
} as const;

export const secretEvent = {
  structBytes: 56,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  process: 16,
  processTgid: 16,
  processStartNs: 24,
  scope: 32,
  scopeSelectionId: 32,
  scopeSessionKey: 40,
  secretId: 48,
} as const;

export const udpFlow = {
  structBytes: 104,
  scope: 0,
  scopeSelectionId: 0,
  scopeSessionKey: 8,
  process: 16,
  processTgid: 16,
  processStartNs: 24,
  firstNs: 32,
  lastNs: 40,
  sentPackets: 48,
  sentBytes: 56,
  receivedPackets: 64,
  receivedBytes: 72,
  local: 80,
  localPort: 96,
} as const;

export const udpKey = {
  structBytes: 32,
  cookie: 0,
  remote: 8,
  remotePort: 24,
  family: 26,
} as const;

export const unixState = {
  structBytes: 96,
  scope: 0,
  scopeSelectionId: 0,
  scopeSessionKey: 8,
  process: 16,
  processTgid: 16,
  processStartNs: 24,
  startedNs: 32,
  sentBytes: 40,
  receivedBytes: 48,
  droppedSentBytes: 56,
  droppedReceivedBytes: 64,
  toldSentBytes: 72,
  toldReceivedBytes: 80,
  flags: 88,
} as const;

export const wayEvent = {
  structBytes: 72,
  event: 0,
  eventType: 0,
  eventFlags: 2,
  eventSize: 4,
  eventTimeNs: 8,
  process: 16,
  processTgid: 16,
  processStartNs: 24,
  scope: 32,
  scopeSelectionId: 32,
  scopeSessionKey: 40,
  way: 48,
  detail: 52,
  subject: 56,
  times: 64,
} as const;

export const limits = {
  pathBytesMax: 2048,
  pathComponentsMax: 256,
  argvInlineBytesMax: 2048,
  argvPieceBytes: 8192,
  argvPiecesMax: 256,
  bytesLarge: 8192,
  bytesMedium: 2048,
  bytesSmall: 512,
  bytesTiny: 128,
  segmentPiecesMax: 64,
  unixCallPiecesMax: 128,
  iovecMax: 64,
  messagesMax: 1024,
  earlyPiecesMax: 32,
  unixPathBytes: 108,
  pathKeyBytes: 256,
  cgroupLevelsMax: 16,
  flagSelected: 1,
  flagExeCut: 2,
  flagCwdCut: 4,
  flagCgroupCut: 8,
  flagJoinedLate: 1,
  flagFailed: 2,
  flagWithSyn: 4,
  callCompat: 65536,
  unixAnnounced: 1,
  unixJoined: 2,
  probesMax: 4096,
  secretRandomBytes: 32,
  secretBytesMax: 48,
  secretHasClientRandom: 1,
  secretHasServerRandom: 2,
  flagProgram: 1,
  flagPathCut: 2,
} as const;
