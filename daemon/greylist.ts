/** The greylist as agents ask it: who counts as the same client and the same sender, and what the store says of them. */
import type { GreylistRequest } from "../agents/ports.ts";
import { ipWords, readIp } from "../policy/network.ts";
import type { Store } from "../store/types.ts";

/** What answers need. */
export interface GreylistHost {
  readonly store: Pick<Store, "askGreylist" | "count">;
  /** Counts for the status, by name. */
  count(counters: Readonly<Record<string, number>>): void;
}

/**
 * Asks the store of a mail.
 *
 * @returns in how many milliseconds it is to come again; 0: it may come in.
 * @throws {PosternError} `store/…`
 */
export async function askGreylist(
  { store, count }: GreylistHost,
  { client, sender, recipient, terms }: GreylistRequest,
): Promise<number> {
  const network = clientNetwork(client);
  if (network === undefined) return 0;
  const triplet = {
    network,
    sender: steadySender(sender),
    recipient: recipient.toLowerCase(),
  };
  const { waitMs, came } = await store.askGreylist(triplet, terms);
  const counters = { [`greylist.${came}`]: 1 };
  store.count(Date.now(), counters);
  count(counters);
  return waitMs;
}

/**
 * The network that counts as one client: large senders try again from another machine beside the first.
 *
 * @param client An address, or a network of which the first address is taken.
 * @returns `192.0.2.0/24`, `2001:db8::/64`; `undefined` for what is no address.
 */
export function clientNetwork(client: string): string | undefined {
  const [address = ""] = client.split("/", 1);
  const family = readIp(address);
  if (family === 0) return undefined;
  const [first = 0, second = 0] = ipWords;
  if (family === 4) return `${first >>> 24}.${(first >>> 16) & 255}.${(first >>> 8) & 255}.0/24`;
  const groups = [first >>> 16, first & 0xffff, second >>> 16, second & 0xffff];
  const text = groups.map((group) => group.toString(16)).join(":").replace(/(?::0)+$/, "");
  return text === "0" ? "::/64" : `${text}::/64`;
}

/** BATV (draft-levine-smtp-batv) `prvs=0123abcdef=user`, in its older order, too, and what others made of it. */
const BATV = /^(?:ms)?(?:prvs|prvs1|btv1)=(?:=?[0-9a-z]+=+(?<user>.+)|(?<older>.+)\/[0-9a-z]+)$/;
/** SRS `SRS0=hash=time=domain=user`: hash and time change each day. */
const SRS = /^srs([01])([=+-])[^=]*=/;
/** A run of letters and digits. */
const WORD = /[a-z0-9]+/g;
/** Hexadecimal digits of an identifier, at least. */
const HEX_LENGTH = 8;
/** Letters and digits of any other identifier, at least. */
const ID_LENGTH = 16;

/**
 * A sender as the same program writes it for each message: lower case, without what it puts in to know a bounce again. Numbers and
 * identifiers become `#`, extensions behind `+` go.
 */
export function steadySender(sender: string): string {
  const lower = sender.toLowerCase();
  const at = lower.lastIndexOf("@");
  if (at < 0) return lower;
  const domain = lower.slice(at + 1);
  let local = lower.slice(0, at);
  for (let match = BATV.exec(local); match; match = BATV.exec(local)) {
    local = match.groups?.["user"] ?? match.groups?.["older"] ?? "";
  }
  if (SRS.test(local)) {
    // SRS0=hash=time=domain=user, SRS1=hash=domain==hash=time=domain=user: what is steady stands at the end.
    const [, version = "0"] = SRS.exec(local) ?? [];
    return `srs${version}=${local.split("=").slice(-2).join("=")}@${domain}`;
  }
  const plus = local.indexOf("+", 1);
  if (plus > 0) local = local.slice(0, plus);
  return `${local.replace(WORD, steadyWord)}@${domain}`;
}

function steadyWord(word: string): string {
  const number = /^\d+$/.test(word);
  const identifier = /\d/.test(word) &&
    (word.length >= ID_LENGTH || word.length >= HEX_LENGTH && /^[0-9a-f]+$/.test(word));
  return number || identifier ? "#" : word;
}
