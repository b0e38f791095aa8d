//! The differences between two texts, line by line.
//!
//! ```text
//! @@
//! -what is only in the first
//! +what is only in the second
//! ```
//!
//! A block holds neighbouring lines; blocks come in order and carry no line numbers, so that they
//! can be kept in a file and still be right when something above them changes.

/// The blocks that turn `first` into `second`; empty when they are equal.
pub fn blocks(first: &str, second: &str) -> Vec<String> {
    let (first, second): (Vec<&str>, Vec<&str>) =
        (first.lines().collect(), second.lines().collect());
    let common = common_lengths(&first, &second);
    let (mut i, mut j) = (0, 0);
    let mut blocks = Vec::new();
    let (mut removed, mut added) = (String::new(), String::new());
    while i < first.len() || j < second.len() {
        if i < first.len() && j < second.len() && first[i] == second[j] {
            close(&mut blocks, &mut removed, &mut added);
            (i, j) = (i + 1, j + 1);
        } else if j == second.len() || (i < first.len() && common[i + 1][j] >= common[i][j + 1]) {
            removed.push_str(&format!("-{}\n", first[i]));
            i += 1;
        } else {
            added.push_str(&format!("+{}\n", second[j]));
            j += 1;
        }
    }
    close(&mut blocks, &mut removed, &mut added);
    blocks
}

fn close(blocks: &mut Vec<String>, removed: &mut String, added: &mut String) {
    if !removed.is_empty() || !added.is_empty() {
        blocks.push(std::mem::take(removed) + &std::mem::take(added));
    }
}

/// Length of the longest common subsequence of every pair of tails.
fn common_lengths(first: &[&str], second: &[&str]) -> Vec<Vec<u32>> {
    let mut lengths = vec![vec![0; second.len() + 1]; first.len() + 1];
    for i in (0..first.len()).rev() {
        for j in (0..second.len()).rev() {
            lengths[i][j] = if first[i] == second[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    lengths
}

/// The blocks of a file of wanted differences.
///
/// # Errors
///
/// A block without a reason: at least one line `# ...` above its `@@`.
pub fn wanted(text: &str) -> Result<Vec<String>, String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut reasoned = false;
    for line in text.lines() {
        if line.starts_with('#') {
            reasoned = true;
        } else if line == "@@" {
            if !reasoned {
                return Err("a wanted difference without a reason".into());
            }
            reasoned = false;
            blocks.push(String::new());
        } else if let (Some(block), true) = (blocks.last_mut(), line.starts_with(['-', '+'])) {
            block.push_str(line);
            block.push('\n');
        } else if !line.is_empty() {
            return Err(format!("neither reason nor difference: {line}"));
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_no_blocks() {
        assert!(blocks("a\nb\n", "a\nb\n").is_empty());
    }

    #[test]
    fn neighbouring_lines_are_one_block() {
        assert_eq!(blocks("a\nb\nc\nd\n", "a\nx\nc\nd\ne\n"), ["-b\n+x\n", "+e\n"]);
    }

    #[test]
    fn a_wanted_difference_needs_a_reason() {
        assert_eq!(wanted("# why\n@@\n-b\n+x\n").as_deref(), Ok(&["-b\n+x\n".to_owned()][..]));
        assert!(wanted("@@\n-b\n").is_err());
    }
}
