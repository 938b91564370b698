# set by its layer
