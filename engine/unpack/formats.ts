/** Which unpacker opens which type, and which types are containers that none opens yet. */
import { fileTypeGroup } from "../detect/file_type.ts";
import { unacefile } from "./ace.ts";
import { unalz } from "./alz.ts";
import { unarc } from "./arc.ts";
import { unar, uncpio, unrpm } from "./archives.ts";
import { unautoit } from "./autoit.ts";
import { unbzip2 } from "./bzip2.ts";
import { uncompress } from "./compress.ts";
import { unarj } from "./arj.ts";
import { unapplefile } from "./applefile.ts";
import { uncab } from "./cab.ts";
import { unpacked } from "./emulator/packed.ts";
import { undisc, unforeign } from "./foreign/foreign.ts";
import { gunzip, unactivemime, unzlib } from "./gzip.ts";
import { unmarkup } from "./html.ts";
import { uniscab, unsetup } from "./installshield.ts";
import { unlzh } from "./lha.ts";
import { unlz4 } from "./lz4.ts";
import { unlzop } from "./lzop.ts";
import { unmbox } from "./mbox.ts";
import { unole } from "./ole.ts";
import { unpkcs7 } from "./pkcs7.ts";
import { unonenote } from "./onenote.ts";
import { unpdf } from "./pdf.ts";
import { unrtf } from "./rtf.ts";
import { unsevenzip } from "./sevenzip.ts";
import { unszdd } from "./szdd.ts";
import { unsis } from "./sis.ts";
import { untar } from "./tar.ts";
import { untext } from "./text_files.ts";
import { untnef } from "./tnef.ts";
import type { Unpacker } from "./unpacker.ts";
import { unwarc } from "./warc.ts";
import { unlzip, unlzma, unxz } from "./xz.ts";
import { unzip } from "./zip.ts";
import { unzoo } from "./zoo.ts";

/** Types that 7-Zip opens. */
const FOREIGN: readonly string[] = [
  "rar",
  "zstd",
  "arj",
  "lzh",
  "chm",
  "xar",
  "iso",
  "udf",
  "wim",
  "dmg",
  "vhd",
  "vhdx",
  "vmdk",
  "qcow",
  "squashfs",
  "cramfs",
  "ext",
  "fat",
  "hfs",
  "apfs",
];

const UNPACKERS: Readonly<Record<string, Unpacker>> = {
  zip: unzip,
  jar: unzip,
  apk: unzip,
  crx: unzip,
  ooxml: unzip,
  odf: unzip,
  epub: unzip,
  gzip: gunzip,
  zlib: unzlib,
  tar: untar,
  "7z": unsevenzip,
  cab: uncab,
  szdd: unszdd,
  activemime: unactivemime,
  xz: unxz,
  lzma: unlzma,
  lzip: unlzip,
  lz4: unlz4,
  bzip2: unbzip2,
  compress: uncompress,
  lzop: unlzop,
  arc: unarc,
  zoo: unzoo,
  warc: unwarc,
  iscab: uniscab,
  sis: unsis,
  alz: unalz,
  ace: unacefile,
  // packed ones
  pe: unpacked,
  // behind programs only
  nsis: unforeign,
  installshield: uniscab,
  "installshield-msi": unsetup,
  autoit: unautoit,
  cpio: uncpio,
  ar: unar,
  deb: unar,
  rpm: unrpm,
  ole: unole,
  msi: unole,
  rtf: unrtf,
  pdf: unpdf,
  tnef: untnef,
  onenote: unonenote,
  html: unmarkup,
  svg: unmarkup,
  xml: unmarkup,
  hta: unmarkup,
  mbox: unmbox,
  applefile: unapplefile,
  pkcs7: unpkcs7,
  uuencode: untext,
  yenc: untext,
  binhex: untext,
  ...Object.fromEntries(FOREIGN.map((type) => [type, unforeign])),
  iso: undisc,
  udf: undisc,
  lzh: unlzh,
  arj: unarj,
};

/** Containers outside the groups of archives and disks. */
const OTHER_CONTAINERS: ReadonlySet<string> = new Set([
  "chm",
]);

/** Formats whose reader finds every archive inside itself. */
const WHOLE: ReadonlySet<string> = new Set([
  "zip",
  "jar",
  "apk",
  "crx",
  "ooxml",
  "odf",
  "epub",
  "mbox",
  "message",
]);

/**
 * Formats that hold files of their own, which are opened with them; only a zip, whose readers begin at the end, goes across. What
 * shows of a file may be a piece of it: it is a volume, packed here and there as it is, or in sectors apart.
 */
const HOLDERS: ReadonlySet<string> = new Set([
  "tar",
  "7z",
  "cab",
  "cpio",
  "ar",
  "deb",
  "rpm",
  "ole",
  "msi",
]);

/** Whether an archive may stand behind or in the middle of content of this type without being found by its own reader. */
export function mayCarryArchive(type: string): boolean {
  return !WHOLE.has(type);
}

/** Whether the files in content of this type come out of it by its own reader. */
export function holdsFiles(type: string): boolean {
  return HOLDERS.has(type);
}

/** Whether it is 7-Zip that opens a type. */
export function isForeign(type: string): boolean {
  return FOREIGN.includes(type);
}

/** The unpacker for a type by content, if there is one. */
export function unpackerFor(type: string): Unpacker | undefined {
  return Object.hasOwn(UNPACKERS, type) ? UNPACKERS[type] : undefined;
}

/** Whether content of this type holds files that nothing here takes out: it is not scanned, whatever else is found. */
export function isUnopened(type: string): boolean {
  if (unpackerFor(type)) return false;
  const group = fileTypeGroup(type);
  return group === "archive" || group === "disk" || OTHER_CONTAINERS.has(type);
}
