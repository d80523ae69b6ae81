//! The words of the corpus. Few, so that a vocabulary of 512 tokens has most of them whole.

pub(super) const NAMES: [&str; 12] =
    ["Tom", "Ann", "Ben", "Sam", "Mia", "Leo", "Eva", "Max", "Zoe", "Dan", "Kim", "Ida"];
pub(super) const THINGS: [&str; 10] =
    ["pens", "cups", "balls", "books", "keys", "coins", "cards", "eggs", "shells", "stones"];
pub(super) const OBJECTS: [&str; 10] =
    ["pen", "cup", "ball", "book", "key", "coin", "card", "hat", "kite", "lamp"];
pub(super) const COLOURS: [&str; 8] = ["red", "blue", "green", "white", "black", "pink", "gray", "gold"];
pub(super) const PLACES: [&str; 10] =
    ["park", "garden", "house", "school", "shop", "forest", "river", "barn", "beach", "market"];
pub(super) const CONTAINERS: [&str; 8] =
    ["box", "bag", "drawer", "basket", "cupboard", "bottle", "tower", "car"];
pub(super) const ANIMALS: [&str; 8] = ["cat", "dog", "bird", "fox", "bear", "mouse", "duck", "horse"];
pub(super) const CITIES: [&str; 10] =
    ["Paris", "Rome", "Oslo", "Bern", "Lima", "Cairo", "Delhi", "Tokyo", "Vienna", "Berlin"];
