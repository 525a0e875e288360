import { MAX_ENVID_CHARACTERS, MAX_ORCPT_CHARACTERS } from "./limits.ts";
import { type Parameter, parseParameters, parsePath } from "./paths.ts";
import type { Reply } from "./replies.ts";
import type { MailParameters, RecipientArgument } from "./transaction.ts";
import { decodeXtext } from "./xtext.ts";

/** What the next hop lets us promise; each is announced in EHLO only then. */
export interface Offers {
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly dsn: boolean;
  /** Octets. */
  readonly size: number;
  /** SASL mechanisms that can be passed on. */
  readonly auth: readonly string[];
}

const BAD_PATH: Reply = "501 5.1.7 Bad address syntax";
const BAD_PARAMETER: Reply = "501 5.5.4 Bad parameter";
const UNKNOWN_PARAMETER: Reply = "555 5.5.4 Unsupported parameter";

/** A parsed MAIL, or what to reply instead. */
export type ParsedMail =
  | { readonly refusal: Reply }
  | {
    readonly refusal?: undefined;
    readonly sender: string;
    readonly senderUtf8: boolean;
    readonly parameters: MailParameters;
  };

/**
 * Parses what stands behind `MAIL FROM:`.
 *
 * @param esmtp Whether the client said EHLO or LHLO; a HELO client may use no parameters.
 * @see RFC 5321, section 4.1.1.2; RFC 1870 (SIZE), 6152 (BODY), 6531 (SMTPUTF8), 3461 (RET, ENVID), 4954 (AUTH).
 */
export function parseMail(argument: string, offers: Offers, esmtp: boolean): ParsedMail {
  let path, parameters;
  try {
    path = parsePath(argument);
  } catch {
    return { refusal: BAD_PATH };
  }
  try {
    parameters = parseParameters(path.rest);
  } catch {
    return { refusal: BAD_PARAMETER };
  }
  if (parameters.length > 0 && !esmtp) return { refusal: UNKNOWN_PARAMETER };
  const read: { -readonly [Key in keyof MailParameters]: MailParameters[Key] } = {
    size: 0,
    utf8: false,
  };
  for (const { name, value } of parameters) {
    const refusal = mailParameter(
      read,
      { name, ...(value === undefined ? {} : { value }) },
      offers,
    );
    if (refusal) return { refusal };
  }
  if (path.utf8 && !read.utf8) return { refusal: "553 5.6.7 Address needs SMTPUTF8" };
  return { sender: path.address, senderUtf8: path.utf8, parameters: read };
}

function mailParameter(
  read: { -readonly [Key in keyof MailParameters]: MailParameters[Key] },
  { name, value }: Parameter,
  offers: Offers,
): Reply | undefined {
  switch (name) {
    case "SIZE":
      if (!value || !/^\d{1,20}$/.test(value)) return BAD_PARAMETER;
      read.size = Number(value);
      return read.size > offers.size ? "552 5.3.4 Message is too large" : undefined;
    case "BODY": {
      const body = value?.toUpperCase();
      if (body !== "7BIT" && body !== "8BITMIME") return "501 5.5.4 Unknown BODY";
      if (body === "8BITMIME" && !offers.eightBitMime) return UNKNOWN_PARAMETER;
      read.body = body;
      return;
    }
    case "SMTPUTF8":
      if (value !== undefined) return BAD_PARAMETER;
      if (!offers.smtpUtf8) return "555 5.6.7 SMTPUTF8 is not offered by the next hop";
      read.utf8 = true;
      return;
    case "RET": {
      const ret = value?.toUpperCase();
      if (!offers.dsn) return UNKNOWN_PARAMETER;
      if (ret !== "FULL" && ret !== "HDRS") return BAD_PARAMETER;
      read.ret = ret;
      return;
    }
    case "ENVID":
      if (!offers.dsn) return UNKNOWN_PARAMETER;
      if (!value || value.length > MAX_ENVID_CHARACTERS || !isPrintableXtext(value)) {
        return BAD_PARAMETER;
      }
      read.envid = value;
      return;
    case "AUTH":
      if (!value || (value !== "<>" && !isPrintableXtext(value))) return BAD_PARAMETER;
      read.auth = value;
      return;
    default:
      return UNKNOWN_PARAMETER;
  }
}

/** A parsed RCPT, or what to reply instead. */
export type ParsedRecipient =
  | { readonly refusal: Reply }
  | ({ readonly refusal?: undefined } & RecipientArgument);

/**
 * Parses what stands behind `RCPT TO:`.
 *
 * @see RFC 5321, section 4.1.1.3; RFC 3461, section 4 (NOTIFY, ORCPT).
 */
export function parseRecipient(
  argument: string,
  offers: Offers,
  options: { readonly esmtp: boolean; readonly utf8: boolean },
): ParsedRecipient {
  let path, parameters;
  try {
    path = parsePath(argument);
  } catch {
    return { refusal: "501 5.1.3 Bad address syntax" };
  }
  if (path.address === "") return { refusal: "501 5.1.3 A recipient is needed" };
  if (path.utf8 && !options.utf8) return { refusal: "553 5.6.7 Address needs SMTPUTF8" };
  try {
    parameters = parseParameters(path.rest);
  } catch {
    return { refusal: BAD_PARAMETER };
  }
  let notify: string | undefined;
  let orcpt: string | undefined;
  for (const { name, value } of parameters) {
    if (!options.esmtp || !offers.dsn) return { refusal: UNKNOWN_PARAMETER };
    if (name === "NOTIFY") {
      notify = value?.toUpperCase() ?? "";
      if (
        !/^(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2})$/.test(notify)
      ) {
        return { refusal: BAD_PARAMETER };
      }
    } else if (name === "ORCPT") {
      orcpt = value ?? "";
      const match = /^([A-Za-z0-9-]+);(.+)$/u.exec(orcpt);
      const given = match && (options.utf8 || isPrintableXtext(match[2]!));
      if (orcpt.length > MAX_ORCPT_CHARACTERS || !given) return { refusal: BAD_PARAMETER };
    } else return { refusal: UNKNOWN_PARAMETER };
  }
  return {
    address: path.address,
    utf8: path.utf8,
    ...(notify === undefined ? {} : { notify }),
    ...(orcpt === undefined ? {} : { orcpt }),
  };
}

/** What is encoded goes on as it is, but nobody may be made to decode a line end out of it. */
function isPrintableXtext(text: string): boolean {
  const decoded = decodeXtext(text);
  return decoded !== undefined && !/\p{Cc}/u.test(decoded);
}
