//! Small files of each kind that is signed: a PDF, a Java archive and a Windows program.

/// One page.
pub(super) fn pdf() -> Vec<u8> {
    let text = "BT /F 12 Tf 10 50 Td (Acme Bank owes you 100 EUR.) Tj ET";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let (mut pdf, mut table) = (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec(), String::new());
    for (number, object) in (1..).zip(&objects) {
        table += &format!("{:010} 00000 n \n", pdf.len());
        pdf.extend(format!("{number} 0 obj\n{object}\nendobj\n").into_bytes());
    }
    let start = pdf.len();
    let end = format!("xref\n0 6\n0000000000 65535 f \n{table}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
    pdf.extend(end.into_bytes());
    pdf
}

/// A PE32+ program of one section that returns zero.
pub(super) fn program() -> Vec<u8> {
    const OPTIONAL: usize = 0x98;
    const SECTION: usize = OPTIONAL + 240;
    let parts: [(usize, &[u8]); 17] = [
        (0, b"MZ"),
        (0x3c, &[0x80]),
        (0x80, b"PE\0\0"),
        // x86-64, one section, the optional header's length, an executable.
        (0x84, &[0x64, 0x86]),
        (0x86, &[1]),
        (0x94, &[240]),
        (0x96, &[0x22]),
        (OPTIONAL, &[0x0b, 0x02]),
        // Entry, alignment in memory and in the file, sizes in memory and of the headers, for the console, 16 directories.
        (OPTIONAL + 16, &[0, 0x10]),
        (OPTIONAL + 32, &[0, 0x10, 0, 0, 0, 2]),
        (OPTIONAL + 56, &[0, 0x20, 0, 0, 0, 2]),
        (OPTIONAL + 68, &[3]),
        (OPTIONAL + 108, &[16]),
        (SECTION, b".text"),
        (SECTION + 8, &[0, 2, 0, 0, 0, 0x10, 0, 0, 0, 2, 0, 0, 0, 2]),
        (SECTION + 36, &[0x20, 0, 0, 0x60]),
        (0x200, &[0x31, 0xc0, 0xc3]),
    ];
    let mut file = Vec::new();
    for (at, bytes) in parts {
        file.resize(at, 0);
        file.extend_from_slice(bytes);
    }
    file.resize(0x400, 0);
    file
}

/// A Java archive of two entries, not compressed.
pub(super) fn archive() -> Vec<u8> {
    let entries: [(&str, &[u8]); 2] =
        [("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"), ("acme/rates.txt", b"EUR 1.00\nCHF 0.95\n")];
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let offset = narrow(archive.len());
        // No flags, stored, 1980-01-01.
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc32(content).to_le_bytes());
        common.extend([narrow(content.len()), narrow(content.len()), narrow(name.len())].concat());
        archive.extend([b"PK\x03\x04", &common[..], name.as_bytes(), content].concat());
        directory.extend([b"PK\x01\x02\x14\x00", &common[..], &[0; 10], &offset, name.as_bytes()].concat());
    }
    let end = [&[0, 0, 0, 0, 2, 0, 2, 0][..], &narrow(directory.len()), &narrow(archive.len()), &[0, 0]].concat();
    [archive, directory, b"PK\x05\x06".to_vec(), end].concat()
}

/// Four bytes, little-endian.
fn narrow(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or_default().to_le_bytes()
}

/// As ZIP has it (APPNOTE section 4.4.7).
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |sum: u32, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), bit))
}
