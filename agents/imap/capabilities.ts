/** What the server can, less what the gate cannot see through. */
import { isPassedOn } from "../sasl.ts";

/** Why a capability passes: the one table. What is not in it is not offered. */
export const CAPABILITIES: Readonly<Record<string, string>> = {
  "IMAP4REV1": "RFC 3501",
  "IMAP4REV2": "RFC 9051",
  "LITERAL+": "RFC 7888; literals are read here either way",
  "LITERAL-": "RFC 7888",
  "SASL-IR": "RFC 4959",
  "LOGIN-REFERRALS": "RFC 2221; the client decides whether it follows one",
  "LOGINDISABLED": "RFC 9051; the server takes no log-in on this connection",
  "ID": "RFC 2971",
  "ENABLE": "RFC 5161; what may be enabled is in a table, too",
  "IDLE": "RFC 2177",
  "NAMESPACE": "RFC 2342",
  "CHILDREN": "RFC 3348",
  "LIST-EXTENDED": "RFC 5258",
  "LIST-STATUS": "RFC 5819",
  "LIST-MYRIGHTS": "RFC 8440",
  "LIST-METADATA": "RFC 9590",
  "SPECIAL-USE": "RFC 6154",
  "CREATE-SPECIAL-USE": "RFC 6154",
  "XLIST": "names of folders",
  "MOVE": "RFC 6851; inside of the server",
  "UIDPLUS": "RFC 4315",
  "UNSELECT": "RFC 3691",
  "CONDSTORE": "RFC 7162; FETCH responses are read item by item",
  "QRESYNC": "RFC 7162; the same",
  "BINARY": "RFC 3516; BINARY[...] is content like BODY[...], literal8 is read",
  "MULTIAPPEND": "RFC 3502; every message of it is scanned",
  "APPENDLIMIT": "RFC 7889",
  "ESEARCH": "RFC 4731",
  "ESORT": "RFC 5267",
  "CONTEXT": "RFC 5267; updates are numbers alone",
  "SEARCHRES": "RFC 5182; `$` is asked for its UIDs first",
  "SEARCH": "RFC 6203, SEARCH=FUZZY",
  "MULTISEARCH": "RFC 7377",
  "WITHIN": "RFC 5032",
  "SORT": "RFC 5256",
  "THREAD": "RFC 5256",
  "I18NLEVEL": "RFC 5255",
  "LANGUAGE": "RFC 5255",
  "OBJECTID": "RFC 8474",
  "SAVEDATE": "RFC 8514",
  "STATUS": "RFC 8438, STATUS=SIZE",
  "PREVIEW": "RFC 8970; content of a message, which is scanned first",
  "SNIPPET": "the draft of the same",
  "QUOTA": "RFC 9208",
  "QUOTASET": "RFC 9208",
  "ACL": "RFC 4314",
  "RIGHTS": "RFC 4314",
  "METADATA": "RFC 5464; no mail",
  "METADATA-SERVER": "RFC 5464",
  "UTF8": "RFC 6855; octets above 127 pass",
  "AUTH": "by mechanism",
};

/** Why a capability does not pass; for the reader and the test, as what is in no table does not either. */
export const WITHHELD: Readonly<Record<string, string>> = {
  "STARTTLS": "the gate's own, towards the client",
  "COMPRESS": "RFC 4978; the gate would see noise",
  "CATENATE": "RFC 4469; builds messages out of others on the server, unscanned",
  "URLAUTH": "RFC 4467; content by another way than FETCH",
  "URL-PARTIAL": "RFC 5550; the same",
  "BURL": "RFC 4468; the same",
  "CONVERT": "RFC 5259; content in another form than was scanned",
  "ANNOTATE-EXPERIMENT-1": "RFC 5257; text that is fetched and not part of the message",
  "NOTIFY": "RFC 5465; the server sends content that nobody asked for at the time",
  "UIDONLY": "RFC 9586; other responses in the place of FETCH",
  "PARTIAL": "RFC 9394; sets of messages that only the server can count out",
  "REPLACE": "RFC 8508; a way to upload besides APPEND",
  "FILTERS": "RFC 5466; kept searches, which nobody offers",
  "UNAUTHENTICATE": "RFC 8437; another user on the same connection",
  "JMAPACCESS": "RFC 9698; leads around the gate",
  "INPROGRESS": "RFC 9585; a response code that changes nothing",
  "MESSAGELIMIT": "RFC 9738; commands that end half done",
};

/** What may be enabled: each changes responses in a way that is read here. */
export const ENABLES: ReadonlySet<string> = new Set([
  "CONDSTORE",
  "QRESYNC",
  "UTF8=ACCEPT",
  "IMAP4REV2",
  "METADATA",
  "METADATA-SERVER",
  "LANGUAGE",
]);

/** What the gate itself adds and takes away. */
export interface OwnCapabilities {
  /** The client may take STARTTLS. */
  readonly startTls: boolean;
  /** It may not log in before it has. */
  readonly loginDisabled: boolean;
}

/** Whether one capability of a server may be offered to a client. */
export function isOffered(capability: string): boolean {
  const [name = "", value] = capability.toUpperCase().split("=", 2);
  if (!Object.hasOwn(CAPABILITIES, name)) return false;
  if (name === "AUTH") return value !== undefined && isPassedOn(value);
  return true;
}

/** The capabilities that a client is told, from those that the server told. */
export function filterCapabilities(server: string, own: OwnCapabilities): string {
  const offered = server.split(/\s+/).filter((each) => each !== "" && isOffered(each));
  const passing = own.loginDisabled
    ? offered.filter((each) => !/^(?:AUTH=|LOGINDISABLED$|SASL-IR$)/i.test(each))
    : offered;
  return [
    ...passing,
    ...(own.startTls ? ["STARTTLS"] : []),
    ...(own.loginDisabled ? ["LOGINDISABLED"] : []),
  ].join(" ");
}

/** The same inside of the response code of a status text; other texts come back as they are. */
export function filterStatusText(text: string, own: OwnCapabilities): string {
  return text.replace(
    /^\[CAPABILITY ([^\]]*)\]/i,
    (_, server: string) => `[CAPABILITY ${filterCapabilities(server, own)}]`,
  );
}
