/**
 * Groups of three octets that are common, by how common: measured over 1,100 mails of people and of advertisers, with their headers, and over 400
 * programs. A pattern is looked for by what is rare.
 */

/** Text: for each n, groups of which there is one or more in 2^n places, but not in 2^(n-1); 9 has those above it, too. */
export const COMMON_TEXT: Readonly<Record<number, string>> = {
  9: [
    '\n\r\n\n  \r\n\r\r\n     th wi---.co3D"=3D>\r\n></___comentforingnetthe',
  ].join(""),
  10: [
    '\t\t\t\nRe\r\n\t\r\n<\r\nR \r\n  < 20 an co fo fr in of to"><"ht)\r\n.ne.or0\r\n00000202 200: f://</t=\r\n=09',
    "===Recailandasscalceid: e: eceed ed:eiver ersfonfrohe hoshttionis istithivelislocmaimasnd ",
    "ng nt nt.nteocaom om/ontor orgostourp:/romsinspast t.cterth to tp:ttpvedwitwww",
  ].join(""),
  11: [
    "\n> \nX-\r\n>\r\nC\r\nD\r\nL\r\nX +0 -0 </ ES Th [1 a  al be bo by do fa ha he id is lo ma on re se si",
    ' yo"0"">\r&nb) b) w***, 2.\r\n.0..11.gi.ta//w/fo/td/ww0 (0" 0.100\r00 01009=1.610011.2 18.19=0',
    ': <</f<br<fo<td="h><b@loESMFFFFONLisMTPONTP iSMTTP To:ablaceageainal alhaliallamaan areat ',
    'ateatiblebr>bspby ce=colderdindthe\r\ne ae te.ce="e=3ectef=eigellerees essestet f" facghtgif',
    'h Ehatheiherhreht=ialicaickid idtif"ighignin in.ineintizele lholicliglinll lorly mann.tnbs',
    "ncenotnt>o: of oloom>omeon or=ordorkoteou pampror>\rrdere redrefresrges asasse sersizsp;ssa",
    "ssist-subt\r\nt (t tt.otaitd>tenth=thathitintiotr>ur useve verwidww.xenyouze=",
  ].join(""),
  12: [
    "\tby\tfo\n\t\t\n\tb\n\tf\n</\n<t\n=0\nCo\nLi\r\n-\r\n=\r\nF\r\nI\r\nM\r\nS\r\nT\r\nh\r\ns\r\nt (8 (P <j <m <t Au Fr I  Ju Mo",
    " Se We ar as bg bu ca ce ch cl de hr it li me mo ne no or pr sa so sr st su te us wa we wh",
    ' wo" b" c" h" s" w"1"####00\'s (8.(Po+01,\r\n, 1, a, s-Id-To-ad....1].6/.9..ie.so/8./FO/a>/b>',
    '/li/tr0">0.000"0201" 1271])2 027.4007.0; T</F</T</a</b<BR<FO<a <b><im<jm<ma<tr="#="0="1=22',
    '> \r>; ><F><f><i@li@spAgIAriAugBR>CAgConD"#D"0D"1D"hDatHelICAId:JulMaiNT NT>PosR>\rSepSubT)\r',
    "T=3T><TD>TheVerWed[12]) a ha, ackaddadmal,ameanaansartas aseashastathaveay b><be berbjebor",
    'bscc.cc="ce cefcelcench chackeconcrict d ad gd td wd, d>\rd><dendmie be ce fe ie oe pe se w',
    "e, e.ne>\readeareased,ed-ediefoeinelielven encendep equer.er=eriertes/eshet\ret.et=et>etietn",
    'eveextf tf="ferffffixfreg\r\ng (g 2g sg tgICge.gesgetgn=h="h=3hanharhavhelhinhishtmibeiceics',
    "ideil il.ileillilmiltimaimeimgin@incindinfinuit iteityjecjm@kerl 2l, l.olaslealivll.lmalto",
    "luglvem\r\nm (m lm>\rmagme me.menmg micminmpln an tn, n: n=3nc.ndene nfong=nomns nsunt-nuxock",
    "om\rom:omiompon,on.on:oneonlonsoreormortot ounoutoveow p 2p;<p>\rpacpanpenperplequer\r\nr <r t",
    'r: r="r=3r><ranrc=rcerchrearecreqrg\rrg rg>riaribrifrmarourpmrs rsis\r\ns is os ss ts, s.cs.n',
    'sagsanscrsioslasonsousrcst.st@stastestfstistst [t at ct ft it st wt-Tt: t="t=3t>\rt><tabtd ',
    "te te:tedteitestextfitictmltnoto:ts turubjubsuesug ul ullundurcurnustut vetw.cwebwory\r\nype",
    "yyyzzz",
  ].join(""),
  13: [
    '\t\t<\n--\n<b\n<p\nDa\nDe\nFr\nMI\nMe\nSu\nTh\nTo\nht\r\n"\r\nA\r\nE\r\nP\r\na\r\nb\r\nc\r\nf\r\ni\r\no\r\nw  \r  ( (E (I ([ (f',
    " (l (s -  -- 1. 10 11 12 17 19 22 23 <2 <T <a <b <f <h <i =\r >  AL Ar BO Co HE He IM In Li",
    " Ma No Oc Re SM SR Sa Tu WI ab ac ad at ba da di em en ex fi ge go ho ht jm la le mi na ou",
    ' pa pe ph pl po qu sh sp ta ti tr un va yy!\r\n!--"\r\n" >" B" H" a"#0"#F"10"2""Ar"ce#FF#ff&#1',
    "'t (ED(IS(fe(lo(si); +++, <, A, H, t-- -->-00-04-07-5.->\r-Ma-Pa-Ty-Ve-dr-li-re-se-us-zz.  ",
    ". I. T.0\r.0).12.16.21.6).cn.ht.la.lo.on.sl.sp//c/A>/Cl/TD/TR/b./cl/co/di/im/ma/p>/ta0)\r040",
    '07009<1\r\n1">1.01.211:1]\r2 22" 2">20\r22 3.13D13D43D=4.15.95006) 6/87008.99.09<T:\r\n: 1: T: b',
    ': t: y:fo;\r\n; M; W; c;&#;&n;</<!-</A</p<20<A <IM<TD<TR<ht<p><ta="2=20>  > >>&n>,\r>, ><B><I',
    '><t?q=?su@fr@jm@ne@xeA><AAAABLAP BLEBORCOLCliD"2D=2D>\rDERDIVDT)DTHDelE-VEDTEIGER=FF"FriFro',
    'GHTH=3HEIHT=IDTIGHIMAIMEIMGISTMAPME-MG MIMMesMonORDOctP (PatPreR" R=3R><RC=RDERepRetSRCST)',
    'SenSpaTABTD TH=TR>ThiThuTraTueTypWIDX-MYou]\r\n])\ra" a.sa><absaciactad ahoakealaalsaltaluamp',
    "an/ancangankantanyapeappar arcardargariarkarsasoat.azob.gbe:be>bgcbitblabosboubs.butby\rca,",
    "cancatcedceschechichmciacinck ck?cktclacleclicnecodcorcoucrecs.cs/ct:ct=ctid\r\nd bd cd fd i",
    "d od sd-Tdandayddide desdiadildisditdivdogdowdrods e \re de ee he le me ne re ye-Ie-de. e.s",
    'ealeatecheciecoedeee eedeekeeneleeloelpemaemeemoeneenoepler"er-er:eraerdergernerveryes.ese',
    'et/etcettetuew ewsexaexmey f=3fetffefilfo/g ag: g="g>\rg>;gcoge ge-genginglegmagnogragroh I',
    "h Sh th: h=1hasheahenhichmahnuhobhomhoohouhrphruhu,i, ic ieniesif il-ilbiliiluilyin-inaink",
    "insireishitiitsix)jaljmak\r\nk?qk@ske kinkthl\r\nl al tl-5l.clablailanlaplbeld le-le.le=le>ler",
    "lesletlitllellpllsllylowlpalspluely-m-zm/Cm/bm/cm/im: m@lma.malmarmatme=medmermesmh-mitmon",
    "mormovmpams.n\r\nn in on sn'tn-Pn.on/ln=\"na,nalnamnatncondandine.nernesnewng:ngenglninnitnks",
    "nlino nowns-ns.nstntanthntintsnulnveny o [o ao bo to.co:foboodioftogmoinollom?omaommonaong",
    "oo.ookop)opeor\roriorsothouloupousownowsp);p;&p><padparpe:pecphoplaplypm-pmsporposprepripti",
    'putqqqquir ar cr jr mr or sr">ratrdareerelremrenrgnri,ricrierigrinrisritrk-rk@rkern-rneron',
    "roprosrrors-rs@rsert rt/rtiru.rviry s cs fs ms ps ws-ss. s/dsedseesensessetsfeshnshrsitso ",
    'sofspess st>stmstostrstyt 2t mt ot">t, t.nt/pt>;t@ftaltartchte.temth:thothrtimtittivtletma',
    "tomtoptortratritrots.ttetuaty tyltypu, u.oue,ughuldultuniunkunsup ureus usiux.valvelvenvic",
    "warwaswerwhiwilwinx) x.ixamxmhxt/y ay dy ly py sy ty wy, y-Tyahyleyy@zlizzl",
  ].join(""),
};

/** The same of programs, in hexadecimal. */
export const COMMON_CODE: Readonly<Record<number, string>> = {
  9: [
    "0000080000480000e800080000488900488b00488d010000020000080000ff488bffff48",
  ].join(""),
  10: [
    "00000700000f00001200003100004100004c0000e9000100000700001200004c89030000040000050000070000",
    "0f1f440f1f841000001200001f44001f840028000031c0e84400004885c04889df488d35488d3d84000085c00f",
    "8944248b4424feffffff0f1fff4889ff488dffff0f",
  ].join(""),
  11: [
    "0000010000100000200000400000440000490000660000680000800000900002000010000031c0004883004885",
    "0100480425280600000a00000f1f000f1f400f1f801f40001f80002000002528002e0f1f415c41420e10442408",
    "4883c44883ec4889444889c74889ef488b44488b7c488d15488d704c89e75b5d415c415d5d415c660f1f662e0f",
    "7001e880000085c07489dfe889efe88b54248b7c248b84248d7001900000ba0500c00f84c30f1ffbfffffcffff",
    "fdfffffeff48ff4c89ff85c0ffff25ffff4cffff66ffff85ffffe8ffffe9",
  ].join(""),
  12: [
    "00000200000400000600001800002800003000003800004200004500004d000050000058000060000064000070",
    "00007500007800008300008500008800008900008b0000980000a00000a80000b00000b80000ba0000be0000bf",
    "0000c00000c70000c80000d00000d80000e00000f00000f8000300000400000600000f1f000f29000f84000f85",
    "0020000031ff00420e0048390048c7004989004c8b004c8d0085c001000102000202004808488908488b090000",
    "0b00000c00000d00000e00000e10420e18420f000010420e11000014000016000018000018420e202573240848",
    "2410482420482700002b042530000031c04831ffe8400000410e10410e28415455415541415d41415e41415fc3",
    "420e08420e18420e20442410442418442420482b044839c74885ff4889c24889c34889c54889c64889de4889ee",
    "4889fb488b04488b05488b3d488b54488b74488b84488bbc488d05488d0d4c89e64c89ef4c89f74c89ff534889",
    "5400005541545548895553485d415e5e415f64482b64488b66662e696c65696e67696f6e74696f7c240883c408",
    "83ec0885c07585ff74894c2489542489842489c74889c7e889e7e889ee4889f7e88b04258b4c248b74248bbc24",
    "8c00009100009700009800009900009a0000a20000be0100bf0100c00f85c0488dc74424f8fffff9fffffaffff",
    "fdff48ff0f84ff4883ff4885ff4c8bff660fffba05ffff31ffff41ffff49ffff83ffff8b",
  ].join(""),
};
