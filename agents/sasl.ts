/** What a SASL exchange says of its user, for every gate alike. The exchange itself is passed on as it is: RFC 4954, RFC 5034, RFC 4959. */

/**
 * Mechanisms that are passed on: their user can be seen, and none of them puts a layer of its own over the octets that follow or
 * binds itself to a TLS connection, which here ends halfway.
 */
const MECHANISMS: Readonly<Record<string, (response: string) => string | undefined>> = {
  "PLAIN": plainUser,
  "LOGIN": (response) => response,
  "CRAM-MD5": (response) => /^(.+) [0-9a-f]+$/is.exec(response)?.[1],
  "SCRAM-SHA-1": scramUser,
  "SCRAM-SHA-256": scramUser,
  "SCRAM-SHA-512": scramUser,
  "XOAUTH2": (response) => /^user=(.+)$/.exec(beforeControl(response))?.[1],
  "OAUTHBEARER": (response) => saslName(/^[ny],a=([^,]+),/.exec(beforeControl(response))?.[1]),
};

/** Whether a mechanism is passed on. */
export function isPassedOn(mechanism: string): boolean {
  return Object.hasOwn(MECHANISMS, mechanism.toUpperCase());
}

/** One exchange, watched. */
export class SaslExchange {
  readonly #userOf: (response: string) => string | undefined;
  #user: string | undefined;
  #steps = 0;

  /** @param mechanism One that {@link isPassedOn}. */
  constructor(mechanism: string) {
    this.#userOf = MECHANISMS[mechanism.toUpperCase()]!;
  }

  /** The name that was logged in with; `undefined` while it has not come. */
  get user(): string | undefined {
    return this.#user;
  }

  /** Responses so far. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * A response of the client, in base64 as it stands in the line; an empty one is `=` as initial response.
   *
   * @returns false where it is no base64: the exchange is to be cancelled (RFC 5034, section 4).
   */
  response(text: string): boolean {
    this.#steps++;
    const octets = decodeBase64(text === "=" ? "" : text);
    if (octets === undefined) return false;
    if (this.#user === undefined && octets !== "") this.#user = this.#userOf(octets) || undefined;
    return true;
  }
}

/** RFC 4616: the identity to act as, where there is one, else the one that proves itself. */
function plainUser(response: string): string | undefined {
  const [as, who] = response.split("\0");
  return as || who;
}

/** RFC 5802, section 7: `n,a=as,n=who,r=nonce`. */
function scramUser(response: string): string | undefined {
  const match = /^(?:n|y|p=[^,]+),(?:a=([^,]+))?,(?:m=[^,]*,)?n=([^,]+),/.exec(response);
  return saslName(match?.[1] ?? match?.[2]);
}

/** RFC 7628, section 3.1: the key-value pairs stand between control-A. */
function beforeControl(response: string): string {
  return response.split("\x01", 1)[0]!;
}

function saslName(text: string | undefined): string | undefined {
  return text?.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

/** The octets as text in UTF-8. */
function decodeBase64(text: string): string | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
    return undefined;
  }
  return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
}
