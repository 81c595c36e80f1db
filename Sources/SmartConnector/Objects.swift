/// The object that a value is; nil where it is none, but a struct or the like.
///
/// `as AnyObject` would make an object of whatever it is given.
///
/// - Parameter value: `self`, in an extension of the protocol that is known of it. Of what is behind `any` the answer is nil.
func object<T>(of value: T) -> AnyObject? {
    // An instance of a class is a reference to it, and nothing else.
    T.self is AnyClass ? unsafeBitCast(value, to: AnyObject.self) : nil
}
