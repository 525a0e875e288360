/**
 * Office documents with a password: what is enciphered in their compound files, deciphered.
 *
 * @see [MS-OFFCRYPTO]; [MS-DOC] 2.2.6; [MS-XLS] 2.2.10; [MS-PPT] 2.3.7
 */
import { concat, u16, u32 } from "./octets.ts";
import { type Attempt, packageKeys, type StreamCipher, streamKeys } from "./office_keys.ts";
import { fittingPassword } from "./passwords.ts";
import type { UnpackContext } from "./unpacker.ts";
import { undoXor, xorArray, xorKey, xorPassword, xorVerifier } from "./xor_obfuscation.ts";

/** What programs encipher with where nobody has to be asked: such documents open by themselves. */
const DEFAULT_PASSWORDS = ["VelvetSweatshop", "/01Hannes Ruescher/01"];

/** Key streams of Word and PowerPoint begin anew with each block of so many octets; Excel's with each of {@link EXCEL_BLOCK}. */
const WORD_BLOCK = 512;
const EXCEL_BLOCK = 1024;
/** The beginning of Word's main stream that is plain. */
const FIB_OCTETS = 68;
/** Most edits of a presentation that are followed, and objects of it that are deciphered. */
const MAX_EDITS = 1000;
const MAX_OBJECTS = 100_000;

/** A stream in the clear. */
export interface ClearStream {
  readonly name: string;
  readonly octets: Uint8Array;
  /** Nobody opens it without being told the password. */
  readonly isAsked: boolean;
  /** A document by itself, and not a piece of this one. */
  readonly isWhole?: boolean;
}

/** A cipher or key, and whether its password had to be known. */
interface Fitting<Cipher> {
  readonly cipher: Cipher;
  readonly isAsked: boolean;
}

/** Gives the stream of a name that lies in the same storage. */
export type Sibling = (name: string) => Uint8Array | undefined;

/** Whether a stream says that the document cannot be read without a password. */
export function isEncrypted(name: string, octets: Uint8Array): boolean {
  switch (name.toLowerCase()) {
    case "encryptedpackage": // [MS-OFFCRYPTO] 1.3
    case "encryptedsummary":
      return true;
    case "worddocument": // FibBase.fEncrypted, [MS-DOC] 2.5.2
      return u16(octets, 0) === 0xa5ec && (u16(octets, 10) & 0x100) !== 0;
    case "workbook":
    case "book":
      return filePass(octets) !== undefined;
    case "current user": // headerToken, [MS-PPT] 2.3.2
      return u32(octets, 12) === 0xf3d1c4df;
    default:
      return false;
  }
}

/** FilePass stands among the first records of a workbook: [MS-XLS] 2.4.117. */
function filePass(octets: Uint8Array): Uint8Array | undefined {
  for (let at = 0, records = 0; at + 4 <= octets.length && records < 20; records++) {
    const end = at + 4 + u16(octets, at + 2);
    if (u16(octets, at) === 0x2f) return octets.subarray(at + 4, end);
    at = end;
  }
  return undefined;
}

/**
 * Deciphers what belongs to a stream that {@link isEncrypted}, if one of the passwords fits.
 *
 * @returns `undefined` where none fits, or it is enciphered in a way that is not known.
 */
export function decipherOffice(
  name: string,
  octets: Uint8Array,
  sibling: Sibling,
  context: UnpackContext,
): readonly ClearStream[] | undefined {
  switch (name.toLowerCase()) {
    case "encryptedpackage": {
      const found = fit(packageKeys(sibling("EncryptionInfo") ?? new Uint8Array(0)), context);
      if (!found) return undefined;
      const { cipher, isAsked } = found;
      return [{ name, octets: cipher.decipher(octets), isAsked, isWhole: true }];
    }
    case "worddocument":
      return decipherWord(name, octets, sibling, context);
    case "workbook":
    case "book": {
      return decipherExcel(name, octets, context);
    }
    case "current user":
      return decipherPowerPoint(octets, sibling, context);
    default:
      return undefined;
  }
}

function fit<Cipher>(
  attempt: Attempt<Cipher> | undefined,
  context: UnpackContext,
): Fitting<Cipher> | undefined {
  return attempt && fittingPassword(context, DEFAULT_PASSWORDS, (password, time) => {
    const cipher = attempt(password, time);
    return cipher && { cipher, isAsked: !DEFAULT_PASSWORDS.includes(password) };
  });
}

/** Deciphers by blocks, each with a key of its own. */
function decipherBlocks(cipher: StreamCipher, octets: Uint8Array, size: number): Uint8Array {
  const plain = new Uint8Array(octets.length);
  for (let at = 0, block = 0; at < octets.length; at += size, block++) {
    plain.set(cipher.block(block).update(octets.subarray(at, at + size)), at);
  }
  return plain;
}

function decipherWord(
  name: string,
  octets: Uint8Array,
  sibling: Sibling,
  context: UnpackContext,
): readonly ClearStream[] | undefined {
  const flags = u16(octets, 10);
  if (flags & 0x8000) return undefined; // XOR, as Word 95 had it
  const tableName = flags & 0x200 ? "1Table" : "0Table";
  const table = sibling(tableName) ?? new Uint8Array(0);
  const found = fit(streamKeys(table.subarray(0, u32(octets, 14))), context);
  if (!found) return undefined;
  const { cipher, isAsked } = found;
  const main = decipherBlocks(cipher, octets, WORD_BLOCK);
  main.set(octets.subarray(0, FIB_OCTETS));
  const data = sibling("Data");
  return [
    { name, octets: main, isAsked },
    { name: tableName, octets: decipherBlocks(cipher, table, WORD_BLOCK), isAsked },
    ...(data ? [{ name: "Data", octets: decipherBlocks(cipher, data, WORD_BLOCK), isAsked }] : []),
  ];
}

/** Records whose data is plain: beginnings, FilePass, and what others must see to share the file. [MS-XLS] 2.2.10 */
const PLAIN_RECORDS: ReadonlySet<number> = new Set([
  0x809,
  0x409,
  0x209,
  0x9,
  0x2f,
  0x194,
  0x195,
  0xe1,
  0x196,
  0x138,
]);
/** BoundSheet8 begins with a place in the stream, which is plain. */
const SHEET_RECORD = 0x85;

function decipherExcel(
  name: string,
  octets: Uint8Array,
  context: UnpackContext,
): readonly ClearStream[] | undefined {
  const pass = filePass(octets) ?? new Uint8Array(0);
  // before BIFF8 there was nothing but XOR, and no field that says so
  const isXor = pass.length === 4 || u16(pass, 0) === 0;
  const stream = isXor ? undefined : fit(streamKeys(pass.subarray(2)), context);
  const mixed = isXor ? fit(xorKeys(pass.subarray(pass.length - 4)), context) : undefined;
  const found = stream ?? mixed;
  if (!found) return undefined;
  const cipher = stream?.cipher;
  const key = mixed?.cipher;
  const plain = cipher ? decipherBlocks(cipher, octets, EXCEL_BLOCK) : octets.slice();
  for (let at = 0; at + 4 <= octets.length;) {
    const record = u16(octets, at);
    const length = u16(octets, at + 2);
    const isPlain = PLAIN_RECORDS.has(record);
    const data = at + 4 + (record === SHEET_RECORD ? 4 : 0);
    const end = at + 4 + length;
    if (cipher) plain.set(octets.subarray(at, isPlain ? end : data), at);
    else if (key && !isPlain) undoXor(plain.subarray(data, end), data, key, length);
    at = end;
  }
  return [{ name, octets: plain, isAsked: found.isAsked }];
}

/** @param check Key and verifier, as the document holds them. */
function xorKeys(check: Uint8Array): Attempt<Uint8Array> {
  return (password) => {
    const octets = xorPassword(password);
    if (!octets || xorKey(octets) !== u16(check, 0)) return undefined;
    return xorVerifier(octets) === u16(check, 2) ? xorArray(octets) : undefined;
  };
}

const USER_EDIT = 0x0ff5;
const PERSIST_DIRECTORY = 0x1772;

/** Objects of a presentation by number, and which of them tells how they are enciphered: [MS-PPT] 2.3.3 and 2.3.4. */
function presentationObjects(
  octets: Uint8Array,
  lastEdit: number,
): { readonly places: ReadonlyMap<number, number>; readonly session: number | undefined } {
  const places = new Map<number, number>();
  let session: number | undefined;
  for (let edit = lastEdit, count = 0; count < MAX_EDITS; count++) {
    if (u16(octets, edit + 2) !== USER_EDIT) break;
    if (session === undefined && u32(octets, edit + 4) >= 0x20) session = u32(octets, edit + 36);
    const directory = u32(octets, edit + 20);
    if (u16(octets, directory + 2) !== PERSIST_DIRECTORY) break;
    const end = Math.min(octets.length, directory + 8 + u32(octets, directory + 4));
    for (let at = directory + 8; at + 4 <= end;) {
      const first = u32(octets, at) & 0xfffff;
      const entries = u32(octets, at) >>> 20;
      at += 4;
      for (let i = 0; i < entries && at + 4 <= end; i++, at += 4) {
        // a later edit has said it already
        if (!places.has(first + i) && places.size < MAX_OBJECTS) {
          places.set(first + i, u32(octets, at));
        }
      }
    }
    const before = u32(octets, edit + 16);
    if (before === 0 || before >= edit) break;
    edit = before;
  }
  return { places, session };
}

function decipherPowerPoint(
  user: Uint8Array,
  sibling: Sibling,
  context: UnpackContext,
): readonly ClearStream[] | undefined {
  const name = "PowerPoint Document";
  const octets = sibling(name) ?? new Uint8Array(0);
  const { places, session } = presentationObjects(octets, u32(user, 16));
  const container = session === undefined ? undefined : places.get(session);
  if (container === undefined) return undefined;
  const info = octets.subarray(container + 8, container + 8 + u32(octets, container + 4));
  const found = fit(streamKeys(info), context);
  if (!found) return undefined;
  const { cipher, isAsked } = found;
  const plain = octets.slice();
  let left = octets.length;
  for (const [number, place] of places) {
    if (number === session || left <= 0 || !context.budget.time()) continue;
    const keys = cipher.block(number);
    const header = keys.update(octets.subarray(place, place + 8));
    const body = octets.subarray(place + 8, place + 8 + Math.min(left, u32(header, 4)));
    plain.set(
      concat([header, keys.update(body)]),
      Math.min(place, plain.length - header.length - body.length),
    );
    left -= 8 + body.length;
  }
  return [{ name, octets: plain, isAsked }];
}
