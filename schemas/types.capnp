# Values, types, schemas, changesets and rows: what messages and stored records are made of.
# README.md says how these files may change.
@0xf68a2e9f51a39996;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("odb::wire::schema");

# ---- values and types ----

struct Value {
  # One datum: two data words and one pointer, 24 bytes in a list. Texts are Data because they need
  # no terminator here; they are meant to be UTF-8, which whoever knows the schema checks.
  union {
    none @0 :Void;
    boolean @1 :Bool;
    integer @2 :Int64;
    real @3 :Float64;
    text @4 :Data;
    data @5 :Data;
    timestamp @6 :Int64;          # nanoseconds since 1970-01-01 UTC
    reference :group {
      object @7 :UInt64;
      type @8 :UInt32;
    }
    list @9 :List(Value);
    tuple @10 :List(Value);
    dict @11 :List(Value);        # keys and values in turn; sent in the order of the keys
    structure @12 :List(Value);   # in the order of the type's fields
    variant :group {
      alternative @13 :UInt32;    # position in the type
      fields @14 :List(Value);
    }
  }
}

struct Type {
  # The declared type of a field. Values and types nest at most 64 levels.
  union {
    none @0 :Void;
    boolean @1 :Void;
    integer @2 :Void;
    real @3 :Void;
    text @4 :Void;
    data @5 :Void;
    timestamp @6 :Void;
    reference :group {
      schema @7 :Text;
      type @8 :Text;
      id @9 :UInt32;              # the target's id once a catalog has resolved it, else 0
    }
    oneOf @10 :List(Type);        # the options, in order
    literal @11 :Value;           # exactly this value
    list @12 :List(Type);         # one: the element
    tuple @13 :List(Type);        # the elements
    dict @14 :List(Type);         # two: the key, the value
    structure :group {
      name @15 :Text;             # for people; not part of the type's identity
      names @16 :List(Text);      # of the fields
      fields @17 :List(Type);     # as many as names
    }
    variant :group {
      name @18 :Text;
      names @19 :List(Text);      # of the alternatives
      alternatives @20 :List(Type);  # as many as names; each a structure
    }
  }
}

# ---- schemas ----

enum Uniqueness {
  many @0;
  unique @1;
}

enum IndexRole {
  lookup @0;
  owner @1;                       # over one reference to core.Connection, which owns the object
}

struct FieldDefinition {
  name @0 :Text;
  type @1 :Type;
}

struct IndexDefinition {
  name @0 :Text;
  fields @1 :List(Text);
  uniqueness @2 :Uniqueness;
  role @3 :IndexRole;
}

struct TypeDefinition {
  name @0 :Text;
  fields @1 :List(FieldDefinition);
  indexes @2 :List(IndexDefinition);
}

struct SchemaDefinition {
  # A schema as a client writes it.
  name @0 :Text;
  types @1 :List(TypeDefinition);
}

struct CatalogField {
  name @0 :Text;
  type @1 :Type;
  fallback @2 :Value;             # the type's default; null when it has none
}

struct CatalogIndex {
  id @0 :UInt32;
  type @1 :UInt32;
  name @2 :Text;
  fields @3 :List(UInt32);        # positions in the type
  uniqueness @4 :Uniqueness;
  role @5 :IndexRole;
}

struct CatalogType {
  # A type with the numbers that the server gave.
  id @0 :UInt32;
  schema @1 :Text;
  name @2 :Text;
  fields @3 :List(CatalogField);  # position = field id
  indexes @4 :List(CatalogIndex);
}

# ---- changes ----

enum ObjectChangeKind {
  create @0;                      # cells: the given fields; the others have their defaults
  update @1;
  delete @2;
  enter @3;                       # in deltas only: now falls under the subscriber's interests
  leave @4;                       # in deltas only: no longer does
  enterLazily @5;                 # in deltas only: as enter, with the fields that stand in indexes
}

struct ObjectChange {
  object @0 :UInt64;              # not 0
  type @1 :UInt32;                # not 0
  cells @2 :UInt32;               # how many operations are this object's
  kind @3 :ObjectChangeKind;
}

enum CellOperationKind {
  set @0;                         # operand: the value
  add @1;                         # operand: the number to add
  append @2;                      # operand: the element
  insert @3;                      # operands: key, value
  erase @4;                       # operand: the key
}

struct CellOperation {
  field @0 :UInt32;               # position in the type
  kind @1 :CellOperationKind;
}

struct Changeset {
  # Flat: the first object's operations come first, then the second's; likewise the operands of the
  # operations. The sum of ObjectChange.cells is the number of operations.
  objects @0 :List(ObjectChange);
  operations @1 :List(CellOperation);
  operands @2 :List(Value);
}

# ---- reads ----

struct CellRead {
  object @0 :UInt64;
  type @1 :UInt32;
  field @2 :UInt32;
}

struct ExistenceRead {
  object @0 :UInt64;
  type @1 :UInt32;
}

struct IndexRead {
  index @0 :UInt32;
  key @1 :Data;                   # canonical encoding of the indexed value
}

struct IndexRangeRead {
  index @0 :UInt32;
  from @1 :Data;                  # encoded keys: from <= key < to
  to @2 :Data;
}

struct BroadReads {
  # What a transaction looked at beyond cells.
  existences @0 :List(ExistenceRead);
  indexes @1 :List(IndexRead);
  memberships @2 :List(UInt32);   # types whose set of objects was read
  ranges @3 :List(IndexRangeRead);
}

struct ReadKey {
  # One entry of a read set.
  union {
    cell @0 :CellRead;
    existence @1 :ExistenceRead;
    index @2 :IndexRead;
    membership @3 :UInt32;        # the type
    range @4 :IndexRangeRead;
  }
}

# ---- rows ----

struct Column {
  # One field of every row of a block, as one typed list. Each list has an entry for every row, those
  # without a value (see absent) included; whatever mixes kinds travels as values.
  union {
    none @0 :Void;                # every row has none; only in blocks of at most 2^19 values
    booleans @1 :List(Bool);      # likewise
    integers @2 :List(Int64);
    reals @3 :List(Float64);
    timestamps @4 :List(Int64);
    texts :group {
      lengths @5 :List(UInt32);   # in bytes
      bytes @6 :Data;             # all texts, one after the other, without terminators
    }
    data :group {
      lengths @7 :List(UInt32);
      bytes @8 :Data;
    }
    references :group {
      type @9 :UInt32;            # of all of them
      objects @10 :List(UInt64);
    }
    values @11 :List(Value);
    omitted @13 :Void;            # not sent: the subscription is lazy
  }
  absent @12 :List(Bool);         # rows whose value is none; null when there are none of them
}

struct RowBlock {
  # Rows of one type, by column.
  type @0 :UInt32;
  objects @1 :List(UInt64);
  columns @2 :List(Column);       # one per field
}
