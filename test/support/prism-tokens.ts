/** When the access token ends, in seconds as the server has it. */
export const SECONDS = 1_700_003_600

/** What the server gives for a code or a refresh token. */
export const TOKENS = {
  access_token: 'marker-access',
  expires_in: SECONDS,
  refresh_token: 'marker-refresh',
  refresh_expires: SECONDS + 86_400,
  session_id: 'marker-session',
  data: { '@id': 'u1', name: '中' },
}
