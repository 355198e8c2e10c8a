//! The colours of the sites: their names on the command line and in CSS.

use std::{error, fmt, str::FromStr};

/// The background of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// `light-blue`
    LightBlue,
    /// `light-green`
    LightGreen,
    /// `light-coral`
    LightCoral,
}

impl Colour {
    /// Every colour, in the order of the three sites.
    pub const ALL: [Self; 3] = [Self::LightBlue, Self::LightGreen, Self::LightCoral];

    /// The colour's name in CSS.
    #[must_use]
    pub const fn css(self) -> &'static str {
        match self {
            Self::LightBlue => "lightblue",
            Self::LightGreen => "lightgreen",
            Self::LightCoral => "lightcoral",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::LightBlue => "light-blue",
            Self::LightGreen => "light-green",
            Self::LightCoral => "light-coral",
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Colour {
    type Err = UnknownColour;

    fn from_str(text: &str) -> Result<Self, UnknownColour> {
        Self::ALL
            .into_iter()
            .find(|colour| colour.name() == text)
            .ok_or(UnknownColour)
    }
}

/// The text names none of the three colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownColour;

impl fmt::Display for UnknownColour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a colour of the sites: use light-blue, light-green or light-coral")
    }
}

impl error::Error for UnknownColour {}

#[cfg(test)]
mod tests {
    use super::{Colour, UnknownColour};

    #[test]
    fn every_colour_reads_back_what_it_shows() {
        for colour in Colour::ALL {
            assert_eq!(colour.to_string().parse(), Ok(colour));
        }
    }

    #[test]
    fn other_words_are_no_colours() {
        for text in ["", "lightblue", "Light-Blue", "light-blue ", "mauve"] {
            assert_eq!(text.parse::<Colour>(), Err(UnknownColour), "{text:?}");
        }
    }
}
