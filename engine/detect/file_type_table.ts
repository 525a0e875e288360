/**
 * What content begins with: the table behind file_type.ts. Sources: the formats' own specifications, and the magic of file(1).
 */
import type { FileType } from "../file_types.ts";

/** One row: `magic` in hex, `.` for any digit, at `offset` from the start (default 0). */
export interface Magic {
  readonly type: FileType;
  readonly magic: string;
  readonly offset?: number;
}

/** Hex of ASCII, for rows that are letters. */
function ascii(text: string): string {
  return Array.from(text, (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

/** The rows; between rows that match, the first wins. */
export const MAGICS: readonly Magic[] = [
  { type: "zip", magic: "504b0304" },
  { type: "zip", magic: "504b0506" }, // empty
  { type: "zip", magic: "504b0708504b0304" }, // first segment of a split archive
  { type: "zip", magic: "504b3030504b0304" }, // split marker of an archive with one segment
  { type: "crx", magic: ascii("Cr24") },
  { type: "gzip", magic: "1f8b08" },
  { type: "bzip2", magic: "425a68..314159265359" },
  { type: "bzip2", magic: "425a68..177245385090" }, // no block
  { type: "xz", magic: "fd377a585a00" },
  { type: "zstd", magic: "28b52ffd" },
  { type: "zstd", magic: "5.2a4d18" }, // skippable frame first
  { type: "lzip", magic: ascii("LZIP") },
  { type: "lz4", magic: "04224d18" },
  { type: "lz4", magic: "02214c18" }, // legacy frame
  { type: "lzop", magic: "894c5a4f000d0a1a0a" },
  { type: "lrzip", magic: ascii("LRZI") },
  { type: "compress", magic: "1f9d" },
  { type: "compress", magic: "1fa0" }, // LZH of compress -H
  { type: "compress", magic: "1f1e" }, // pack
  { type: "szdd", magic: "535a444488f02733" },
  { type: "szdd", magic: "4b57414a88f027d1" }, // KWAJ
  { type: "szdd", magic: "535a2088f02733d1" }, // SZ
  { type: "7z", magic: "377abcaf271c" },
  { type: "rar", magic: "526172211a07" },
  { type: "rar", magic: "52457e5e" }, // before 1.5
  { type: "cab", magic: "4d53434600000000" },
  { type: "cab", magic: ascii("MSCF") },
  { type: "iscab", magic: ascii("ISc(") },
  { type: "arj", magic: "60ea" },
  { type: "lzh", magic: "2d6c68..2d", offset: 2 },
  { type: "lzh", magic: "2d6c7a..2d", offset: 2 },
  { type: "lzh", magic: "2d706d..2d", offset: 2 },
  { type: "ace", magic: ascii("**ACE**"), offset: 7 },
  { type: "alz", magic: "414c5a01" },
  { type: "alz", magic: ascii("EGGA") },
  { type: "zpaq", magic: ascii("zPQ") },
  { type: "zpaq", magic: "376b5374a03183d38cb228b0d3" }, // locator tag
  { type: "zoo", magic: "dca7c4fd", offset: 20 },
  { type: "xar", magic: "78617221001c" },
  { type: "warc", magic: ascii("WARC/") },
  { type: "uha", magic: "55484106" },
  { type: "sis", magic: "19040010", offset: 8 }, // Symbian up to 8
  { type: "sis", magic: "7a1a2010" }, // Symbian 9
  { type: "deb", magic: ascii("!<arch>\ndebian") },
  { type: "ar", magic: ascii("!<arch>\n") },
  { type: "rpm", magic: "edabeedb" },
  { type: "cpio", magic: ascii("070701") },
  { type: "cpio", magic: ascii("070702") },
  { type: "cpio", magic: ascii("070707") },
  { type: "cpio", magic: "c771" },
  { type: "cpio", magic: "71c7" },
  { type: "tar", magic: ascii("ustar"), offset: 257 },
  { type: "wim", magic: "4d5357494d000000" },
  { type: "vhdx", magic: ascii("vhdxfile") },
  { type: "vhd", magic: ascii("conectix") },
  { type: "vmdk", magic: ascii("KDMV") },
  { type: "vmdk", magic: ascii("COWD") },
  { type: "vmdk", magic: ascii("# Disk DescriptorFile") },
  { type: "qcow", magic: "514649fb" },
  { type: "squashfs", magic: ascii("hsqs") },
  { type: "squashfs", magic: ascii("sqsh") },
  { type: "cramfs", magic: "453dcd28" },
  { type: "cramfs", magic: "28cd3d45" },
  { type: "iso", magic: ascii("CD001"), offset: 32769 },
  { type: "iso", magic: ascii("CD001"), offset: 37649 }, // raw sectors: 16 * 2352 + 16 + 1
  { type: "udf", magic: ascii("BEA01"), offset: 32769 },
  { type: "ext", magic: "53ef", offset: 1080 },
  { type: "hfs", magic: "482b0004", offset: 1024 },
  { type: "hfs", magic: "48580005", offset: 1024 },
  { type: "apfs", magic: ascii("NXSB"), offset: 32 },
  { type: "ole", magic: "d0cf11e0a1b11ae1" },
  { type: "activemime", magic: ascii("ActiveMime") },
  { type: "rtf", magic: ascii("{\\rt") },
  { type: "postscript", magic: ascii("%!PS") },
  { type: "postscript", magic: "c5d0d3c6" },
  { type: "onenote", magic: "e4525c7b8cd8a74daeb15378d02996d3" },
  { type: "onenote", magic: "a12ff43fd9ef764c9ee210ea5722765f" },
  { type: "chm", magic: ascii("ITSF") },
  { type: "hlp", magic: "3f5f0300" },
  { type: "mdb", magic: "000100005374616e64617264204a657420" },
  { type: "mdb", magic: "000100005374616e646172642041434520" },
  { type: "tnef", magic: "789f3e22" },
  { type: "applefile", magic: "00051600" }, // AppleSingle
  { type: "applefile", magic: "00051607" }, // AppleDouble
  { type: "pgp", magic: ascii("-----BEGIN PGP MESSAGE") },
  { type: "pkcs7", magic: ascii("-----BEGIN PKCS7") },
  { type: "pkcs7", magic: ascii("-----BEGIN CMS") },
  { type: "pkcs7", magic: ascii("-----BEGIN PKCS #7") },
  { type: "pkcs7", magic: "30" }, // a sequence; what is in it is asked besides
  { type: "pkcs7", magic: "3f" }, // the same with a longer tag
  { type: "elf", magic: "7f454c46" },
  { type: "macho", magic: "feedface" },
  { type: "macho", magic: "feedfacf" },
  { type: "macho", magic: "cefaedfe" },
  { type: "macho", magic: "cffaedfe" },
  { type: "dex", magic: "6465780a30" },
  { type: "wasm", magic: "0061736d" },
  { type: "bytecode", magic: "1b4c7561" }, // Lua
  { type: "bytecode", magic: "4243c0de" }, // LLVM
  { type: "lnk", magic: "4c0000000114020000000000c000000000000046" },
  { type: "url", magic: ascii("[InternetShortcut]") },
  { type: "desktop", magic: ascii("[Desktop Entry]") },
  { type: "php", magic: ascii("<?php") },
  { type: "png", magic: "89504e470d0a1a0a" },
  { type: "jpeg", magic: "ffd8ff" },
  { type: "gif", magic: ascii("GIF87a") },
  { type: "gif", magic: ascii("GIF89a") },
  { type: "tiff", magic: "49492a00" },
  { type: "tiff", magic: "4d4d002a" },
  { type: "psd", magic: ascii("8BPS") },
  { type: "webp", magic: "52494646........57454250" },
  { type: "riff", magic: ascii("RIFF") },
  { type: "riff", magic: ascii("RIFX") },
  { type: "heif", magic: ascii("ftypheic"), offset: 4 },
  { type: "heif", magic: ascii("ftypmif1"), offset: 4 },
  { type: "heif", magic: ascii("ftypavif"), offset: 4 },
  { type: "mp4", magic: ascii("ftyp"), offset: 4 },
  { type: "mp4", magic: ascii("moov"), offset: 4 },
  { type: "emf", magic: ascii(" EMF"), offset: 40 },
  { type: "wmf", magic: "d7cdc69a" },
  { type: "ico", magic: "00000100" },
  { type: "ico", magic: "00000200" },
  { type: "mp3", magic: ascii("ID3") },
  { type: "mp3", magic: "fffb" },
  { type: "mp3", magic: "fff3" },
  { type: "ogg", magic: ascii("OggS") },
  { type: "flac", magic: ascii("fLaC") },
  { type: "matroska", magic: "1a45dfa3" },
  { type: "midi", magic: ascii("MThd") },
  { type: "flash", magic: ascii("FWS") },
  { type: "flash", magic: ascii("CWS") },
  { type: "flash", magic: ascii("ZWS") },
  { type: "font", magic: ascii("OTTO") },
  { type: "font", magic: ascii("ttcf") },
  { type: "font", magic: ascii("wOFF") },
  { type: "font", magic: ascii("wOF2") },
  { type: "font", magic: "0001000000" },
  { type: "sqlite", magic: ascii("SQLite format 3\0") },
  { type: "ics", magic: ascii("BEGIN:VCALENDAR") },
  { type: "vcard", magic: ascii("BEGIN:VCARD") },
];
