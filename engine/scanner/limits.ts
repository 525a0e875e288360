/** Bounds of the frames between pool and scanner. Both ends hold them: neither trusts the other's lengths. */

/** Octets of the length that stands before each frame. */
export const FRAME_PREFIX_OCTETS = 4;

/** Longest head frame (JSON), octets: a verdict of 10,000 parts with long names stays well below. */
export const MAX_HEAD_OCTETS = 64 * 1024 * 1024;

/** Longest frame of octets: a message or file, or the message made of one by cleaning. */
export const MAX_OBJECT_OCTETS = 1024 * 1024 * 1024;

/** Octets read from a socket at once, where a frame is not longer. */
export const READ_OCTETS = 64 * 1024;

/** Up to this many octets, head and object are put together, so that they leave in one write. */
export const JOIN_OCTETS = 64 * 1024;
