//! Events as text for people. Pure: values and a width in, styled lines out.
