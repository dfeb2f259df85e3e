"""Marker genes of the cell types of human blood, as textbooks and reference atlases have them.

Written down from knowledge of the field before any ranking of any method was looked at. Each gene
stands under the source in which a reader may look it up first; the sources were not gone through
gene by gene, and the list is no extract of one database. It is generous on purpose: every method is
counted against the same list, so a gene that is missing from it costs all of them alike. Rules:

* A gene of a lineage (T cells, monocytes) is a marker of each type of that lineage, unless it is
  what tells these types apart (CD8A is no marker of CD4 T cells, S100A9 none of CD16 monocytes).
* Genes that all of these cells express (PTPRC, B2M, TMSB10, ribosomal genes) are none, whatever a
  source's own ranking says.

Symbols are HGNC's; :data:`OLD_SYMBOLS` has the ones that older annotations write for the same gene.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "janeway": "Murphy & Weaver, Janeway's Immunobiology, 9th edition, 2016 (surface "
        "molecules, receptors, transcription factors and effector molecules of each type)",
        "azimuth": "Hao et al. 2021, Cell 184:3573, and the markers that its Azimuth reference of "
        "human PBMC lists for each type",
        "zheng": "Zheng et al. 2017, Nature Communications 8:14049 (68,000 PBMC, figure 3)",
        "kang": "Kang et al. 2018, Nature Biotechnology 36:89 (PBMC of lupus patients; markers of "
        "its clusters)",
        "pbmc3k": "the tutorials on 10x Genomics' 2,700 PBMC by Satija et al. (Seurat) and Wolf "
        "et al. (scanpy)",
        "lm22": "Newman et al. 2015, Nature Methods 12:453 (LM22, signatures of 22 leukocytes)",
        "becht": "Becht et al. 2016, Genome Biology 17:218 (MCP-counter, transcriptomic markers)",
        "villani": "Villani et al. 2017, Science 356:eaah4573 (dendritic cells and monocytes of "
        "blood)",
        "wong": "Wong et al. 2011, Blood 118:e16 (three subsets of human monocytes)",
        "crinier": "Crinier et al. 2018, Immunity 49:971 (human NK cells across organs)",
        "szabo": "Szabo et al. 2019, Nature Communications 10:4706 (human T cells of four tissues)",
        "platelets": "Gnatenko et al. 2003, Blood 101:2285, and Rowley et al. 2011, Blood 118:e101 "
        "(transcripts of human platelets)",
        "velten": "Velten et al. 2017, Nature Cell Biology 19:271 (human blood stem cells)",
    }
)

Genes = Mapping[str, str]
"""Names of genes, with spaces between, by the source that names them."""

T_LINEAGE: Genes = {
    "janeway": "CD3D CD3E CD3G CD247 CD2 CD5 CD28 CD27 LCK ZAP70 ITK LAT TRAC TRBC1 TRBC2",
    "becht": "CD6 SIRPG THEMIS TRAT1 FLT3LG",
    "szabo": "BCL11B CD7 IL32 LEF1 TCF7",
    "kang": "GIMAP5",
    "lm22": "UBASH3A",
}
MONOCYTE_LINEAGE: Genes = {
    "janeway": "CD68 CSF1R ITGAX ITGAM SPI1 TYROBP FCER1G",
    "azimuth": "CTSS FCN1 PSAP AIF1 MNDA SERPINA1",
    "pbmc3k": "CST3 LST1",
    "lm22": "HCK CFP",
}

MARKERS: Mapping[str, tuple[Genes, ...]] = MappingProxyType(
    {
        "B": (
            {
                "janeway": "CD19 MS4A1 CD79A CD79B CD22 CD72 CR2 FCER2 CD40 BLNK BTK BLK PAX5 EBF1 "
                "IGHM IGHD IGHG1 IGHG2 IGHG3 IGHA1 IGHA2 IGKC IGLC1 IGLC2 IGLC3 IGLL5 JCHAIN AICDA "
                "TNFRSF13B TNFRSF13C TNFRSF17 CXCR5 CD74 HLA-DRA HLA-DRB1 HLA-DPA1 HLA-DPB1 "
                "HLA-DQA1 HLA-DQB1 HLA-DOB",
                "azimuth": "RALGPS2 BANK1 MEF2C TCL1A IL4R AIM2 COCH SSPN TEX9 LINC01781 LINC01857 "
                "MZB1 DERL3 POU2AF1",
                "pbmc3k": "LINC00926 VPREB3 FCRLA HVCN1",
                "lm22": "CD180 BACH2 SPIB GNG7 FCRL2 RIPOR2",
                "becht": "FCRL1 FCRL5",
            },
        ),
        "CD4 T": (
            T_LINEAGE,
            {
                "janeway": "CD4 CD40LG ICOS CCR7 SELL IL7R FOXP3 IL2RA CTLA4",
                "azimuth": "MAL LTB LDHB NOSIP PIK3IP1 FHIT AQP3 ITGB1 RTKN2 TRABD2A TSHZ2",
                "pbmc3k": "S100A4",
                "becht": "TNFRSF25",
                "szabo": "TNFRSF4 CCR4 CCR6 GATA3 CAMK4",
            },
        ),
        "CD8 T": (
            T_LINEAGE,
            {
                "janeway": "CD8A CD8B PRF1 GZMA GZMB IFNG EOMES TBX21 LAG3",
                "azimuth": "CCL5 GZMH GZMK NKG7 CST7 KLRD1 TRGC2 LINC02446 CRTAM NELL2 CTSW HCST "
                "S100B",
                "lm22": "GZMM KLRK1 KLRG1 DUSP2 APOBEC3G",
                "becht": "FGFBP2 GNLY KLRC3 KLRC4",
                "szabo": "LYAR CCL4 ZNF683",
            },
        ),
        "NK": (
            {
                "janeway": "NCAM1 FCGR3A NCR1 NCR3 KLRC1 KLRC2 KLRK1 KLRB1 KIR2DL1 KIR2DL3 KIR2DL4 "
                "KIR3DL1 KIR3DL2 CD7 CD247 GZMA IFNG TBX21 EOMES",
                "azimuth": "GNLY NKG7 TYROBP FCER1G GZMB TRDC FGFBP2 SPON2 KLRD1 XCL1 SPTSSB",
                "crinier": "CD160 CD244 CHST12 CST7 IL18RAP IL2RB KLRC3 KLRF1 PRF1 XCL2 CX3CR1 "
                "CLIC3 MYOM2 PRSS23 ADGRG1",
                "lm22": "SH2D1A SH2D1B PTGDR S1PR5 GZMH GZMM CCL3 CCL4 CTSW HOPX",
                "kang": "CCL5",
            },
        ),
        "CD14 Mono": (
            MONOCYTE_LINEAGE,
            {
                "janeway": "CD14 TLR2 TLR4 CCR2 SELL CD33 CD36 CD163 FPR1 FCGR1A CD93 ANPEP IL1B "
                "CXCL8 LILRA5",
                "azimuth": "S100A8 S100A9 S100A12 LYZ VCAN G0S2",
                "pbmc3k": "LGALS2 GRN MS4A6A",
                "kang": "CCL2",
                "wong": "CLEC4D CLEC4E CLEC12A IL13RA1 CSF3R QPCT THBS1 FOS MGST1",
                "villani": "CYP1B1 PLBD1 CEBPD CEBPB NCF1 CD1D",
                "lm22": "VNN1 VNN2 MARCO BST1",
            },
        ),
        "CD16 Mono": (
            MONOCYTE_LINEAGE,
            {
                "janeway": "FCGR3A CX3CR1 ITGAL",
                "azimuth": "CDKN1C MS4A7 IER5 RHOC IFITM3 HES4",
                "pbmc3k": "IFITM2 CD79B",
                "kang": "VMO1",
                "wong": "SIGLEC10 SPN HMOX1 CKB TCF7L2 LILRB1 LILRB2 C1QA C1QB MTSS1 PECAM1 ADGRE5",
                "villani": "LYPD2 PAPSS2 NR4A1 BATF3 RRAS SLC2A6 LRRC25",
            },
        ),
        "DC": (
            {
                "janeway": "ITGAX FLT3 CD80 CD83 CD86 CCR7 LAMP3 IRF4 IRF7 IRF8 ZBTB46 CD74 CIITA "
                "HLA-DRA HLA-DRB1 HLA-DRB5 HLA-DPA1 HLA-DPB1 HLA-DQA1 HLA-DQB1 HLA-DMA HLA-DMB",
                "azimuth": "FCER1A CD1C CLEC10A ENHO PLD4 GSN NDRG2 CCDC88A CLEC9A DNASE1L3 "
                "C1orf54 IDO1 CADM1 XCR1 CLNK LILRA4 IL3RA SERPINF1 ITM2C SPIB SMPD3 TPM2 MZB1 "
                "LGMN",
                "zheng": "CST3",
                "kang": "GPR183 TSPAN13 JCHAIN",
                "villani": "AXL SIGLEC6 CLEC4C TCF4 THBD BATF3 CD1D WDFY4 PPP1R14A GZMB PTGDS",
                "lm22": "CD1A CD1B CD1E CCL17 CCL19 CCL22 EBI3 CD209",
            },
        ),
        "Mk": (
            {
                "janeway": "ITGA2B ITGB3 GP1BA GP1BB GP6 GP9 SELP CD9",
                "azimuth": "PPBP PF4 NRGN GNG11 CAVIN2 TUBB1 CLU H2AC6 RGS18",
                "platelets": "PF4V1 SPARC TREML1 F13A1 MYL9 ACRBP PTGS1 THBS1 VWF CLEC1B CMTM5 "
                "TMEM40 MPIG6B ESAM MMD PRKAR2B TSC22D1 PDLIM1 CA2 GRAP2 TPM1 TPM4 LY6G6F PTCRA "
                "SH3BGRL2 MAP3K7CL C2orf88 ABCC3 PARVB",
            },
        ),
        "HSC": (
            {
                "janeway": "CD34 KIT PROM1",
                "azimuth": "SPINK2 PRSS57 CYTL1 EGFL7 GATA2 SMIM24 AVP MYB LAPTM4B",
                "velten": "CRHBP HLF MEIS1 MECOM SOX4 CDK6 NPR3 MLLT3 ERG TAL1 HOPX C1QTNF4 FAM30A",
            },
        ),
    }
)

ALSO_CALLED: Mapping[str, str] = MappingProxyType(
    {
        "T_CD4": "CD4 T",
        "T_CD8": "CD8 T",
        "Mono_CD14": "CD14 Mono",
        "Mono_CD16": "CD16 Mono",
        "FCGR3A Mono": "CD16 Mono",
        "MK": "Mk",
    }
)
"""What data sets call these types where they do not use the names of :data:`MARKERS`."""

OLD_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        "JCHAIN": "IGJ",
        "CAVIN2": "SDPR",
        "H2AC6": "HIST1H2AC",
        "SMIM24": "C19orf77",
        "FAM30A": "KIAA0125",
        "ADGRG1": "GPR56",
        "ADGRE5": "CD97",
        "CXCL8": "IL8",
        "MPIG6B": "C6orf25",
        "PRSS57": "PRSSL1",
        "RIPOR2": "FAM65B",
        "MAP3K7CL": "C21orf7",
    }
)


def markers_of(cell_type: str) -> frozenset[str]:
    """Return the textbook markers of a type by current and old symbols; none for a stranger."""
    genes = {
        gene
        for part in MARKERS.get(listed_as(cell_type), ())
        for names in part.values()
        for gene in names.split()
    }
    return frozenset(genes | {OLD_SYMBOLS[gene] for gene in genes if gene in OLD_SYMBOLS})


def sources_of(cell_type: str) -> tuple[str, ...]:
    """Return the keys of the sources of a type's markers, in the order of :data:`SOURCES`."""
    used = {source for part in MARKERS.get(listed_as(cell_type), ()) for source in part}
    return tuple(source for source in SOURCES if source in used)


def listed_as(cell_type: str) -> str:
    """Return the name that a data set's type has here."""
    return ALSO_CALLED.get(cell_type, cell_type)
