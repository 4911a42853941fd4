"""The bytes of files

Revision 0003, after 0002.
"""

from alembic import op
import sqlalchemy as sa


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade():
    """Go forward."""
    op.create_table('file',
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('device', sa.String(length=11), nullable=False),
    sa.Column('unnamed_ms', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('hash', name=op.f('pk_file'))
    )
    with op.batch_alter_table('file', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_file_device'), ['device'], unique=False)

    op.create_table('file_part',
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('device', sa.String(length=11), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('held', sa.BigInteger(), nullable=False),
    sa.Column('touched_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('hash', 'device', name=op.f('pk_file_part'))
    )
    op.create_table('file_chunk',
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('device', sa.String(length=11), nullable=False),
    sa.Column('at', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('hash', 'device', 'at', name=op.f('pk_file_chunk'))
    )
    op.create_table('file_name',
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('record', sa.String(length=36), nullable=False),
    sa.Column('path', sa.String(length=200), nullable=False),
    sa.Column('log', sa.String(length=11), nullable=False),
    sa.Column('accepted', sa.Boolean(), nullable=False),
    sa.Column('type', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('hash', 'record', 'path', 'log', 'accepted', name=op.f('pk_file_name'))
    )
    with op.batch_alter_table('file_name', schema=None) as batch_op:
        batch_op.create_index('ix_file_name_record', ['record'], unique=False)

    op.create_table('file_cursor',
    sa.Column('stream', sa.String(length=40), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['stream'], ['stream.code'], name=op.f('fk_file_cursor_stream')),
    sa.PrimaryKeyConstraint('stream', name=op.f('pk_file_cursor'))
    )


def downgrade():
    """Go back."""
    for table in ('file_cursor', 'file_name', 'file_chunk', 'file_part', 'file'):
        op.drop_table(table)
