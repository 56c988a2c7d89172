interface CloseRow {
  readonly code: number;
  readonly reason: string;
}

/**
 * Every code with which the server closes a socket. 4000–4499: the client reconnects, with jitter;
 * 4500–4999: it does not, since the same would happen again.
 */
export const CLOSE_TABLE = {
  draining: { code: 4000, reason: "the server is about to stop" },
  heartbeat_missed: { code: 4001, reason: "two heartbeats were not answered" },
  token_expired: { code: 4002, reason: "the token has expired" },
  connect_timeout: { code: 4003, reason: "no connect command in time" },
  too_slow: { code: 4004, reason: "the socket took no data for too long" },
  overloaded: { code: 4005, reason: "the server has too much to do" },
  internal: { code: 4006, reason: "internal error" },

  malformed_frame: { code: 4500, reason: "the frame is not newline-delimited JSON objects" },
  frame_too_large: { code: 4501, reason: "the frame is too large" },
  frame_too_deep: { code: 4502, reason: "the frame is nested too deeply" },
  too_many_lines: { code: 4503, reason: "the frame has too many commands" },
  binary_frame: { code: 4504, reason: "binary frames are not understood" },
  unauthenticated: { code: 4505, reason: "the token was not accepted" },
  not_connected: { code: 4506, reason: "the first command must be connect" },
  too_many_errors: { code: 4507, reason: "too many refused commands" },
  not_served: { code: 4508, reason: "the tenant is not served here" },
} as const satisfies Record<string, CloseRow>;

export type CloseReason = keyof typeof CLOSE_TABLE;

/**
 * Whether a client should connect again after this close code. Codes below 4000 (RFC 6455, 7.4.1)
 * mean a transport's fault or an orderly end, after which it should.
 */
export function shouldReconnect(code: number): boolean {
  return code < 4500 || code > 4999;
}
